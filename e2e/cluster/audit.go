package cluster

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
)

const (
	auditPolicyFile = "audit-policy.json"
	auditFile       = "audit.log"
)

// What service accounts do is noted; what tests do as an administrator is not.
const auditPolicy = `{
	"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
	"rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]
}`

// Audited is a request of a service account: a record of the audit log.
type Audited struct {
	Stage          string // a watch has a record when it starts and one when it ends
	Verb           string
	RequestURI     string
	UserAgent      string
	User           struct{ Username string }
	ObjectRef      struct{ Resource, Namespace string }
	ResponseStatus struct{ Code int }
}

// Audit returns what service accounts asked of the API server so far.
func (c *Cluster) Audit() ([]Audited, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, auditFile))
	if err != nil {
		return nil, err
	}
	var all []Audited
	for line := range bytes.Lines(data) {
		var a Audited
		if err := json.Unmarshal(line, &a); err != nil {
			continue // the server was killed while it wrote the line
		}
		all = append(all, a)
	}
	return all, nil
}
