package diff

import (
	"path"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// uncovered are what of new nothing of old covers.
func uncovered[T any](old, new []T, covers func(old, new T) bool) []T {
	var out []T
	for _, n := range new {
		if !slices.ContainsFunc(old, func(o T) bool { return covers(o, n) }) {
			out = append(out, n)
		}
	}
	return out
}

// reach is what a pod can get at outside of itself, as sets: a smaller one is
// stricter, however it is written.
type reach struct {
	spec *manifest.Node
	path string
}

// widerPod finds what a pod reaches that it did not. In new objects that is
// what is weak in itself.
func widerPod(p pair, at []string, edits []Edit) []fact {
	if p.new == nil {
		return nil
	}
	fs := &facts{edits: edits}
	where := strings.Join(at, ".")
	new := reach{orNull(p.new.At(at...)), where}
	if !fs.touched(where) {
		return nil
	}
	old := reach{&manifest.Node{}, where}
	if p.old != nil {
		old.spec = orNull(p.old.At(at...))
	}
	fs.hostPaths(old, new)
	fs.hostPorts(old, new)
	fs.capabilities(old, new)
	if p.old == nil {
		return fs.list
	}
	fs.secrets(old, new)
	fs.tokens(old, new)
	fs.images(old, new)
	fs.tolerations(old, new)
	fs.placement(old, new)
	return fs.list
}

// containerAt is one container of a pod, and where it stands.
type containerAt struct {
	node       *manifest.Node
	name, path string
}

func (r reach) containers() []containerAt {
	var out []containerAt
	for _, list := range []string{"containers", "initContainers", "ephemeralContainers"} {
		for _, n := range items(r.spec.Get(list)) {
			name := text(n.Get("name"))
			out = append(out, containerAt{n, name, r.path + "." + list + "[" + name + "]"})
		}
	}
	return out
}

// mount is a volume in a container.
type mount struct {
	container, path, subPath string
	readOnly                 bool
}

// causes are the fields of the mount that decide what is seen of the volume.
func (m mount) causes() []string {
	if m.path == "" {
		return nil
	}
	return []string{m.path + ".readOnly", m.path + ".subPath", m.path}
}

// mounts are those of a volume: one of no container where it is mounted
// nowhere.
func (r reach) mounts(volume string) []mount {
	var out []mount
	for _, c := range r.containers() {
		for _, m := range items(c.node.Get("volumeMounts")) {
			if text(m.Get("name")) == volume {
				out = append(out, mount{c.name, c.path + ".volumeMounts[" + text(m.Get("mountPath")) + "]", text(m.Get("subPath")), isTrue(m.Get("readOnly"))})
			}
		}
	}
	if out == nil {
		out = []mount{{readOnly: true}}
	}
	return out
}

// hostPath is a path of the node that a container has.
type hostPath struct {
	container, path string
	readOnly        bool
	causes          []string
}

func (r reach) hostPaths() []hostPath {
	var out []hostPath
	for _, v := range items(r.spec.Get("volumes")) {
		at := text(v.At("hostPath", "path"))
		if at == "" {
			continue
		}
		name := text(v.Get("name"))
		volume := r.path + ".volumes[" + name + "]"
		for _, m := range r.mounts(name) {
			out = append(out, hostPath{m.container, path.Join("/", at, path.Join("/", m.subPath)), m.readOnly,
				append([]string{volume + ".hostPath", volume}, m.causes()...)})
		}
	}
	return out
}

// holds reports whether h has all of what g has, written or not.
func (h hostPath) holds(g hostPath) bool {
	return (g.container == "" || h.container == g.container) && (h.path == "/" || g.path == h.path || strings.HasPrefix(g.path, h.path+"/"))
}

// graveHost are paths of a node that give it away, with all below them and
// above.
var graveHost = []string{"/var/run/docker.sock", "/run/docker.sock", "/run/containerd", "/var/run/crio", "/run/crio", "/etc", "/root", "/home", "/proc", "/sys", "/dev", "/boot", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/containerd", "/var/log"}

func (h hostPath) grave() bool {
	return slices.ContainsFunc(graveHost, func(g string) bool {
		return h.path == "/" || h.path == g || strings.HasPrefix(h.path, g+"/") || strings.HasPrefix(g, h.path+"/")
	})
}

func (fs *facts) hostPaths(old, new reach) {
	before := old.hostPaths()
	for _, h := range uncovered(before, new.hostPaths(), func(o, n hostPath) bool {
		return o.holds(n) && (n.readOnly || !o.readOnly)
	}) {
		f := fact{id: "host-path", detail: h.path, paths: h.causes}
		if slices.ContainsFunc(before, func(o hostPath) bool { return o.holds(h) }) {
			f.id = "host-path-write"
		}
		if h.grave() {
			f.severity = High
		}
		fs.add(f)
	}
}

// hostPort is a port of the node; without an address, of all its addresses.
type hostPort struct{ port, protocol, address, cause string }

func (r reach) hostPorts() []hostPort {
	var out []hostPort
	for _, c := range r.containers() {
		for _, p := range items(c.node.Get("ports")) {
			h := hostPort{text(p.Get("hostPort")), text(p.Get("protocol")), text(p.Get("hostIP")), c.path + ".ports[" + keyOf(p, elemRules[portType].keys) + "]"}
			if h.protocol == "" {
				h.protocol = "TCP"
			}
			if h.address == "0.0.0.0" || h.address == "::" {
				h.address = ""
			}
			if h.port != "" && h.port != "0" {
				out = append(out, h)
			}
		}
	}
	return out
}

func (fs *facts) hostPorts(old, new reach) {
	for _, h := range uncovered(old.hostPorts(), new.hostPorts(), func(o, n hostPort) bool {
		return o.port == n.port && o.protocol == n.protocol && (o.address == "" || o.address == n.address)
	}) {
		fs.add(fact{id: "host-port", detail: h.port, paths: []string{h.cause + ".hostPort", h.cause + ".hostIP", h.cause}})
	}
}

// runtimeCapabilities are those that containerd and CRI-O give a container
// that says nothing.
var runtimeCapabilities = []string{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}

// capabilities are those that a container has.
type capabilities struct {
	path          string
	add, drop     []string
	spelled       map[string]string // as they are written in add
	addAll, noAll bool
}

// capabilitiesPath is where a container has them.
const capabilitiesPath = ".securityContext.capabilities"

func capabilitiesOf(c containerAt) capabilities {
	out := capabilities{path: c.path + capabilitiesPath, spelled: map[string]string{}}
	names := func(key string) (all []string, every bool) {
		for _, n := range items(c.node.At("securityContext", "capabilities", key)) {
			name := strings.TrimPrefix(strings.ToUpper(text(n)), "CAP_")
			out.spelled[name] = text(n)
			every = every || name == "ALL"
			all = append(all, name)
		}
		return all, every
	}
	out.drop, out.noAll = names("drop")
	out.spelled = map[string]string{}
	out.add, out.addAll = names("add")
	return out
}

// has reports whether the container has a capability. One that is both added
// and dropped by name counts: runtimes differ.
func (c capabilities) has(name string) bool {
	switch {
	case slices.Contains(c.add, name):
		return true
	case slices.Contains(c.drop, name):
		return false
	}
	return c.addAll || !c.noAll && slices.Contains(runtimeCapabilities, name)
}

// capabilitySeverity is where it is not that of the rule: capabilities(7) has
// which of them come near to root, or are harmless.
var capabilitySeverity = map[string]Severity{
	"ALL": High, "SYS_ADMIN": High, "SYS_MODULE": High, "SYS_PTRACE": High, "SYS_RAWIO": High, "SYS_BOOT": High,
	"NET_ADMIN": High, "BPF": High, "DAC_READ_SEARCH": High, "DAC_OVERRIDE": High, "MKNOD": High, "SETUID": High, "SETGID": High,
	"NET_BIND_SERVICE": Low,
}

// capabilities finds those that a container gains; of a new container or
// object, those that are added to what the runtime gives.
func (fs *facts) capabilities(old, new reach) {
	before := old.containers()
	for _, c := range new.containers() {
		if !fs.touched(c.path + capabilitiesPath) {
			continue
		}
		is := capabilitiesOf(c)
		at := slices.IndexFunc(before, func(o containerAt) bool { return o.name == c.name })
		had := at >= 0
		var was capabilities
		if had {
			was = capabilitiesOf(before[at])
		}
		gained := slices.Clone(is.add)
		if had && !is.noAll && !was.noAll {
			gained = append(gained, runtimeCapabilities...)
		}
		slices.Sort(gained)
		for _, name := range slices.Compact(gained) {
			if !is.has(name) || had && was.has(name) {
				continue
			}
			fs.add(fact{id: "capability-added", severity: capabilitySeverity[name], detail: name,
				paths: []string{is.path + ".add[" + is.spelled[name] + "]", is.path + ".drop[" + name + "]", is.path + ".add", is.path}})
		}
	}
}

// secretRead is a secret that a container has, at a place: a variable, or a
// volume. Without a key it is all of them.
type secretRead struct {
	container, place, secret, key string
	causes                        []string
}

func (r reach) secrets() []secretRead {
	var out []secretRead
	for _, v := range items(r.spec.Get("volumes")) {
		name := text(v.Get("name"))
		at := r.path + ".volumes[" + name + "]"
		for _, read := range volumeSecrets(v, at) {
			for _, m := range r.mounts(name) {
				out = append(out, secretRead{m.container, read.place, read.secret, read.key, slices.Concat(read.causes, []string{at}, m.causes())})
			}
		}
	}
	for _, c := range r.containers() {
		out = append(out, containerSecrets(c)...)
	}
	for _, n := range items(r.spec.Get("imagePullSecrets")) {
		name := text(n.Get("name"))
		out = append(out, secretRead{place: "pull/" + name, secret: name, causes: []string{r.path + ".imagePullSecrets[" + name + "]"}})
	}
	return out
}

// volumeSecrets are the secrets of a volume.
func volumeSecrets(v *manifest.Node, at string) []secretRead {
	var out []secretRead
	place := "volume/" + text(v.Get("name"))
	keyed := func(secret, place, cause string, keys *manifest.Node) {
		if secret == "" {
			return
		}
		if len(items(keys)) == 0 {
			out = append(out, secretRead{place: place, secret: secret, causes: []string{cause}})
		}
		for _, k := range items(keys) {
			out = append(out, secretRead{place: place, secret: secret, key: text(k.Get("key")), causes: []string{cause}})
		}
	}
	keyed(text(v.At("secret", "secretName")), place, at+".secret", v.At("secret", "items"))
	if class := text(v.At("csi", "volumeAttributes", "secretProviderClass")); class != "" {
		keyed("SecretProviderClass "+class, place, at+".csi", nil)
	}
	for i, s := range items(v.At("projected", "sources")) {
		name := text(s.At("secret", "name"))
		keyed(name, place+"/"+name, manifest.Index(at+".projected.sources", i), s.At("secret", "items"))
	}
	for _, source := range v.Fields {
		for _, ref := range []string{"secretRef", "nodePublishSecretRef"} {
			if name := text(source.Value.At(ref, "name")); name != "" {
				keyed(name, place+"/"+ref, at+"."+source.Key+"."+ref, nil)
			}
		}
		if source.Key == "azureFile" {
			keyed(text(source.Value.Get("secretName")), place, at+".azureFile.secretName", nil)
		}
	}
	return out
}

func containerSecrets(c containerAt) []secretRead {
	var out []secretRead
	for _, v := range items(c.node.Get("env")) {
		name := text(v.Get("name"))
		at := c.path + ".env[" + name + "]"
		if ref := v.At("valueFrom", "secretKeyRef"); ref != nil {
			out = append(out, secretRead{c.name, "env/" + name, text(ref.Get("name")), text(ref.Get("key")), []string{at + ".valueFrom.secretKeyRef", at}})
		}
	}
	for i, from := range items(c.node.Get("envFrom")) {
		if secret := text(from.At("secretRef", "name")); secret != "" {
			out = append(out, secretRead{c.name, "envFrom/" + secret, secret, "", []string{manifest.Index(c.path+".envFrom", i), c.path + ".envFrom", c.path}})
		}
	}
	return out
}

// covers reports whether who reads s reads t.
func (s secretRead) covers(t secretRead) bool {
	return (t.container == "" || s.container == t.container) && s.secret == t.secret && (s.key == "" || s.key == t.key)
}

func (s secretRead) target() string {
	if s.key == "" {
		return s.secret
	}
	return s.secret + "/" + s.key
}

// secrets finds secrets that a container did not read, and places that have
// another one than before.
func (fs *facts) secrets(old, new reach) {
	var before []secretRead
	for _, s := range new.secrets() {
		if !slices.ContainsFunc(s.causes, fs.touched) {
			continue
		}
		if before == nil {
			before = old.secrets()
		}
		here := func(o secretRead) bool { return o.container == s.container && o.place == s.place }
		same := func(o secretRead) bool { return here(o) && o.secret == s.secret }
		retargeted := slices.ContainsFunc(before, here) && !slices.ContainsFunc(before, same)
		if strings.HasPrefix(s.place, "env/") {
			retargeted = slices.ContainsFunc(before, here) && !slices.ContainsFunc(before, func(o secretRead) bool { return same(o) && o.key == s.key })
		}
		switch {
		case retargeted:
			fs.add(fact{id: "secret-retargeted", detail: s.target(), paths: s.causes})
		case slices.ContainsFunc(before, func(o secretRead) bool { return o.covers(s) }):
		case old.hasLiteral(s.container, s.place):
			// A literal that becomes a reference is no secret more.
		default:
			fs.add(fact{id: "secret-added", detail: s.target(), paths: s.causes})
		}
	}
}

// hasLiteral reports whether a variable of a container was a literal that
// looks like a credential.
func (r reach) hasLiteral(container, place string) bool {
	name, isVariable := strings.CutPrefix(place, "env/")
	return isVariable && slices.ContainsFunc(r.containers(), func(c containerAt) bool {
		return c.name == container && slices.Contains(credentialLiterals(c.node), name)
	})
}

// tokens finds tokens of the service account that are asked for by audience.
func (fs *facts) tokens(old, new reach) {
	type token struct {
		container, audience string
		causes              []string
	}
	of := func(r reach) []token {
		var out []token
		for _, v := range items(r.spec.Get("volumes")) {
			name := text(v.Get("name"))
			volume := r.path + ".volumes[" + name + "]"
			for i, s := range items(v.At("projected", "sources")) {
				n := s.Get("serviceAccountToken")
				if n.IsNull() {
					continue
				}
				for _, m := range r.mounts(name) {
					causes := []string{manifest.Index(volume+".projected.sources", i), volume}
					out = append(out, token{m.container, text(n.Get("audience")), append(causes, m.causes()...)})
				}
			}
		}
		return out
	}
	for _, t := range uncovered(of(old), of(new), func(o, n token) bool {
		return o.audience == n.audience && (n.container == "" || o.container == n.container)
	}) {
		audience := "the API server"
		if t.audience != "" {
			audience = t.audience
		}
		fs.add(fact{id: "token-volume", detail: audience, paths: t.causes})
	}
}

// images finds images of a new container that come from where none of the
// pod's came from, and those that the node need no longer ask the registry for.
func (fs *facts) images(old, new reach) {
	var from []string
	before := map[string]containerAt{}
	for _, c := range old.containers() {
		before[c.name] = c
		from = append(from, imageOf(text(c.node.Get("image"))).from())
	}
	for _, c := range new.containers() {
		path := c.path + ".image"
		if !fs.touched(path) && !fs.touched(path+"PullPolicy") {
			continue
		}
		was, had := before[c.name]
		if is := imageOf(text(c.node.Get("image"))).from(); !had && is != "" && !slices.Contains(from, is) {
			fs.add(fact{id: "image-registry", detail: is, paths: []string{path}})
		}
		if !c.asks() && (!had || was.asks() && !released(was, c)) {
			fs.add(fact{id: "pull-policy", paths: []string{path + "PullPolicy", path}})
		}
	}
}

// asks reports whether the image is sure to be the registry's: it is pinned, or
// the registry is asked each time, as it is for latest if nothing is said.
func (c containerAt) asks() bool {
	image, policy := imageOf(text(c.node.Get("image"))), text(c.node.Get("imagePullPolicy"))
	return image.pinned || policy == "Always" || policy == "" && image.moves()
}

// released reports whether a tag that moves became one that does not, and
// nothing else: that is stricter, though the registry is asked no more.
func released(old, new containerAt) bool {
	unsaid := text(old.node.Get("imagePullPolicy")) == "" && text(new.node.Get("imagePullPolicy")) == ""
	return unsaid && imageOf(text(old.node.Get("image"))).moves()
}

// tolerates reports whether a tolerates all taints that b does, for as long
// (Toleration.ToleratesTaint).
func tolerates(a, b *manifest.Node) bool {
	get := func(n *manifest.Node, key string) string { return text(n.Get(key)) }
	if e := get(a, "effect"); e != "" && e != get(b, "effect") {
		return false
	}
	if k := get(a, "key"); k != "" && k != get(b, "key") {
		return false
	}
	if seconds, limited := whole(a.Get("tolerationSeconds")); limited {
		longest, also := whole(b.Get("tolerationSeconds"))
		if !also || longest > seconds {
			return false
		}
	}
	equal := func(op string) bool { return op == "" || op == "Equal" }
	switch op := get(a, "operator"); {
	case op == "Exists":
		return true
	case equal(op):
		return equal(get(b, "operator")) && get(a, "value") == get(b, "value")
	default:
		return op == get(b, "operator") && get(a, "value") == get(b, "value")
	}
}

func (fs *facts) tolerations(old, new reach) {
	for _, t := range uncovered(items(old.spec.Get("tolerations")), items(new.spec.Get("tolerations")), tolerates) {
		key := keyOf(t, elemRules[tolerationType].keys)
		fs.add(fact{id: "toleration-added", detail: key, paths: []string{new.path + ".tolerations[" + key + "]", new.path + ".tolerations"}})
	}
}

// placement finds nodes that the pod was kept from: one of its terms, which
// are alternatives, is not part of any that there were.
func (fs *facts) placement(old, new reach) {
	after := new.nodeTerms()
	if len(uncovered(old.nodeTerms(), after, func(o, n selector) bool { return n.implies(o) })) == 0 {
		return
	}
	nodes := new.path + ".nodeSelector"
	lost := false
	for _, r := range equals(old.spec.Get("nodeSelector")) {
		if !slices.ContainsFunc(after, func(s selector) bool { return !s.ensures(r) }) {
			continue
		}
		lost = true
		detail := r.key
		if new.spec.At("nodeSelector", r.key).IsNull() {
			detail = "no longer " + detail
		}
		fs.add(fact{id: "placement", detail: detail, paths: []string{manifest.Child(nodes, r.key), nodes}})
	}
	if !lost {
		fs.add(fact{id: "placement", detail: "nodeAffinity", paths: []string{new.path + ".affinity", nodes}})
	}
}

// nodeTerms are those that a node must meet one of, each with what nodeSelector
// asks for.
func (r reach) nodeTerms() []selector {
	own := equals(r.spec.Get("nodeSelector"))
	list := items(r.spec.At("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"))
	if len(list) == 0 {
		return []selector{own}
	}
	var terms []selector
	for _, n := range list {
		term := own
		for _, key := range []string{"matchExpressions", "matchFields"} {
			for _, e := range items(n.Get(key)) {
				r := requirementOf(e)
				r.key = key + " " + r.key
				if key == "matchExpressions" {
					r.key = text(e.Get("key"))
				}
				term = term.and(selector{r})
			}
		}
		terms = append(terms, term)
	}
	return terms
}
