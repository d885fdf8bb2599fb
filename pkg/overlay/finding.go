package overlay

import (
	"strings"

	"k8s.io/pod-security-admission/api"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// Finding is one thing that is wrong with a built object.
type Finding struct {
	Path string // the field, as Kubernetes spells it
	Msg  string // what is wrong and what would be right, on one line
}

// Verify says, object by object, what Build would find wrong: fields that the
// kind does not have, and agents' pods that a cluster would refuse or that would
// not run as they were declared. Level is that of Pod Security.
func Verify(objects []*manifest.Node, level api.Level) ([][]Finding, error) {
	v, err := newVerifier()
	if err != nil {
		return nil, err
	}
	all := make([][]Finding, len(objects))
	for i, o := range objects {
		for _, f := range v.findings(o, level) {
			path, msg, _ := strings.Cut(string(f), ": ")
			all[i] = append(all[i], Finding{path, msg})
		}
	}
	return all, nil
}
