package render

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// workspaceDir is where the agent works, in every image of Scion's.
const workspaceDir = "/workspace"

// The names of volumes that others know: phasemap looks at the workspace, and
// templates/base.yaml sets the size of the home.
const (
	volumeWorkspace = "workspace"
	volumeHome      = "home"
	volumeSeed      = "home-seed"
	volumeSecrets   = "secrets-store"
)

// mounts are the volumes of a pod and where the agent container has them.
type mounts struct {
	volumes []*manifest.Node
	mounts  []*manifest.Node
}

func (m *mounts) volume(name string, source *manifest.Node) {
	v := object("name", manifest.Str(name, source.Pos))
	v.Fields = append(v.Fields, source.Fields...)
	m.volumes = append(m.volumes, v)
}

func (m *mounts) mount(p manifest.Pos, name, path string, readOnly bool, subPath string) {
	n := object("name", name, "mountPath", path)
	if readOnly {
		n.Set("readOnly", value(true))
	}
	if subPath != "" {
		n.Set("subPath", value(subPath))
	}
	m.mounts = append(m.mounts, at(p, n))
}

// mounts are made in this order: home, workspace, secrets, shared
// directories, the agent's own volumes.
func (a *agent) mounts() *mounts {
	m := &mounts{}
	m.volume(volumeHome, object("emptyDir", object()))
	m.mount(a.pos("user", "name"), volumeHome, a.home(), false, "")
	a.mountWorkspace(m)
	a.mountSecrets(m)
	a.mountSharedDirs(m)
	a.mountVolumes(m)
	return m
}

func (a *agent) mountWorkspace(m *mounts) {
	source := a.at("workspace", "volume")
	if len(fields(source)) == 0 {
		source = object("emptyDir", object())
	}
	m.volume(volumeWorkspace, source)
	m.mount(source.Pos, volumeWorkspace, workspaceDir, false, "")
}

// mountSecrets mounts files outside the home directory; those below it are
// seeded, because a mount would leave their parent directories to root and the
// file read-only.
func (a *agent) mountSecrets(m *mounts) {
	if class := a.secretProviderClass(); class != nil {
		driver := "secrets-store.csi.k8s.io"
		if class.gke {
			driver = "secrets-store-gke.csi.k8s.io"
		}
		m.volume(volumeSecrets, at(class.pos, object("csi", object("driver", driver, "readOnly", true,
			"volumeAttributes", object("secretProviderClass", a.secretName())))))
		m.mount(class.pos, volumeSecrets, secretsMount, true, "")
	}
	for i, s := range a.spec.Secrets {
		if s.kind() != secretFile {
			continue
		}
		p, ref := items(a.at("secrets"))[i].Pos, a.keyRef(s)
		target := a.expandHome(s.target())
		if _, seeded := a.belowHome(target); seeded {
			continue
		}
		if ref == nil {
			m.mount(p, volumeSecrets, target, true, s.Name)
			continue
		}
		name := fmt.Sprintf("secret-%d", i)
		m.volume(name, at(p, object("secret", object("secretName", ref.Name,
			"items", list(object("key", ref.Key, "path", "value"))))))
		m.mount(p, name, target, true, "value")
	}
}

func (a *agent) mountSharedDirs(m *mounts) {
	for i, d := range a.spec.SharedDirs {
		p := items(a.at("sharedDirs"))[i].Pos
		name := fmt.Sprintf("shared-dir-%d", i)
		dir := "/scion-volumes/" + d.Name
		if d.InWorkspace {
			dir = workspaceDir + "/.scion-volumes/" + d.Name
		}
		m.volume(name, at(p, object("persistentVolumeClaim", object("claimName", sharedClaim(a.spec.Grove, d.Name)))))
		m.mount(p, name, dir, d.ReadOnly, "")
	}
}

func (a *agent) mountVolumes(m *mounts) {
	for i, v := range a.spec.Volumes {
		node := items(a.at("volumes"))[i]
		name, source := fmt.Sprintf("volume-%d", i), node.Get("source")
		if v.GCS != nil {
			name = fmt.Sprintf("gcs-vol-%d", i)
			source = at(node.Pos, object("csi", object("driver", "gcsfuse.csi.storage.gke.io", "readOnly", v.ReadOnly,
				"volumeAttributes", object("bucketName", v.GCS.Bucket, "mountOptions", v.GCS.options()))))
		}
		if source != nil {
			m.volume(name, source)
		}
		m.mount(node.Pos, name, a.expandHome(v.MountPath), v.ReadOnly, v.SubPath)
	}
}

// options are mount options of Cloud Storage FUSE; only-dir mounts a prefix.
func (g GCS) options() string {
	options := cmp.Or(g.MountOptions, "implicit-dirs")
	if g.Prefix != "" {
		options += ",only-dir=" + strings.TrimSuffix(g.Prefix, "/")
	}
	return options
}

// gcsAnnotation describes the buckets as Scion's runtime does.
func (a *agent) gcsAnnotation() string {
	type bucket struct {
		Source string `json:"source"`
		Target string `json:"target"`
		Bucket string `json:"bucket"`
		Prefix string `json:"prefix"`
	}
	var buckets []bucket
	for _, v := range a.spec.Volumes {
		if v.GCS != nil {
			buckets = append(buckets, bucket{Target: a.expandHome(v.MountPath), Bucket: v.GCS.Bucket, Prefix: v.GCS.Prefix})
		}
	}
	if buckets == nil {
		return ""
	}
	text, err := json.Marshal(buckets)
	if err != nil {
		panic(err) // a struct of strings always marshals
	}
	return base64.StdEncoding.EncodeToString(text)
}

// checkVolumes reports what cannot be mounted.
func (a *agent) checkVolumes() {
	for i, v := range a.spec.Volumes {
		node, path := items(a.at("volumes"))[i], manifest.Index("spec.volumes", i)
		switch {
		case v.GCS == nil && v.Source == nil:
			a.errs.Add(node.Pos, a.setting(node.Pos), "names no source; add gcs or source")
		case v.GCS != nil && a.spec.ServiceAccountName == "":
			a.errs.Add(node.Get("gcs").Pos, path+".gcs", "a bucket is reached as a service account; set serviceAccountName to one that may read it")
		case v.Source != nil && len(node.Get("source").Fields) == 0:
			a.errs.Add(node.Get("source").Pos, path+".source", "names no kind of volume; add one, such as emptyDir or persistentVolumeClaim")
		}
	}
	if len(a.spec.SharedDirs) > 0 && a.spec.Grove == "" {
		a.fail([]string{"sharedDirs"}, "directories are shared by the agents of a grove; set grove")
	}
}
