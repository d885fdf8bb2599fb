package render

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// apiRules are what the API server asks of the fields of one struct together
// (pkg/apis/core/validation of Kubernetes): what is wrong, and in which field. An
// empty problem is none; an empty field is the struct; one of a struct below is a
// path.
//
// Rules of single fields are the tags that pkg/manifest has of the API's types.
var apiRules = map[reflect.Type]func(n *manifest.Node) (field, problem string){
	reflect.TypeFor[corev1.AppArmorProfile]():              localhostProfile,
	reflect.TypeFor[corev1.AzureDiskVolumeSource]():        azureDisk,
	reflect.TypeFor[corev1.ClusterTrustBundleProjection](): clusterTrustBundle,
	reflect.TypeFor[corev1.Container]():                    container,
	reflect.TypeFor[corev1.DownwardAPIVolumeFile]():        downwardAPIFile,
	reflect.TypeFor[corev1.EnvFromSource]():                oneOf("configMapRef", "secretRef"),
	reflect.TypeFor[corev1.EnvVarSource]():                 envVarSource,
	reflect.TypeFor[corev1.FCVolumeSource]():               fibreChannel,
	reflect.TypeFor[corev1.FlockerVolumeSource]():          oneOf("datasetName", "datasetUUID"),
	reflect.TypeFor[corev1.ISCSIVolumeSource]():            iscsi,
	reflect.TypeFor[corev1.LifecycleHandler]():             oneOf("exec", "httpGet", "sleep", "tcpSocket"),
	reflect.TypeFor[metav1.LabelSelectorRequirement]():     selectorValues,
	reflect.TypeFor[networkingv1.NetworkPolicyPeer]():      networkPeer,
	reflect.TypeFor[networkingv1.NetworkPolicyPort]():      networkPort,
	reflect.TypeFor[corev1.NodeSelector]():                 requiredValues,
	reflect.TypeFor[corev1.NodeSelectorRequirement]():      selectorValues,
	reflect.TypeFor[corev1.NodeSelectorTerm]():             nodeSelectorTerm,
	reflect.TypeFor[corev1.PersistentVolumeClaimSpec]():    claimSpec,
	reflect.TypeFor[corev1.PodAffinityTerm]():              matchLabelKeys,
	reflect.TypeFor[corev1.PodCertificateProjection]():     podCertificate,
	reflect.TypeFor[corev1.PodDNSConfig]():                 dnsConfig,
	reflect.TypeFor[corev1.PodResourceClaim]():             oneOf("resourceClaimName", "resourceClaimTemplateName"),
	reflect.TypeFor[corev1.PodSecurityContext]():           sysctls,
	reflect.TypeFor[corev1.Probe]():                        oneOf("exec", "grpc", "httpGet", "tcpSocket"),
	reflect.TypeFor[corev1.ProjectedVolumeSource]():        projectedPaths,
	reflect.TypeFor[corev1.QuobyteVolumeSource]():          quobyte,
	reflect.TypeFor[corev1.SeccompProfile]():               localhostProfile,
	reflect.TypeFor[corev1.Toleration]():                   toleration,
	reflect.TypeFor[corev1.TopologySpreadConstraint]():     topologySpread,
	reflect.TypeFor[corev1.TypedLocalObjectReference]():    claimSource,
	reflect.TypeFor[corev1.TypedObjectReference]():         claimSource,
	reflect.TypeFor[corev1.Volume]():                       iscsiName,
	reflect.TypeFor[corev1.VolumeMount]():                  volumeMount,
	reflect.TypeFor[corev1.VolumeProjection]():             oneOf("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"),
}

// apiReport takes a problem of a field of n, which is at path; an empty field is
// n itself.
type apiReport func(n *manifest.Node, path, field, problem string)

// checkAPI reports what the API server would refuse of a merged value of the type
// t, at its path: fields that are missing, and fields that do not go together.
func checkAPI(n *manifest.Node, t *manifest.Type, path string, report apiReport) {
	var missing manifest.Errors
	manifest.Required(n, t, path, &missing)
	for _, e := range missing {
		dot := strings.LastIndexByte(e.Path, '.')
		field := e.Path[dot+1:]
		report(&manifest.Node{Pos: e.Pos}, e.Path[:max(0, dot)], field, field+" is missing; add it")
	}
	checkRules(n, t, path, report)
}

func checkRules(n *manifest.Node, t *manifest.Type, path string, report apiReport) {
	if n == nil || t == nil {
		return
	}
	if rule := apiRules[t.Go]; rule != nil && n.Kind == manifest.Mapping {
		if field, problem := rule(n); problem != "" {
			report(n, path, field, problem)
		}
	}
	for i, item := range n.Items {
		checkRules(item, t.Elem, manifest.Index(path, i), report)
	}
	for _, f := range n.Fields {
		switch field := t.Field(f.Key); {
		case t.Shape == manifest.ShapeMap:
			checkRules(f.Value, t.Elem, manifest.Child(path, f.Key), report)
		case field != nil && f.Value != nil && f.Value.Kind >= manifest.Sequence:
			checkRules(f.Value, field.Type, manifest.Child(path, f.Key), report)
		}
	}
}

// oneOf is the rule of a union: exactly one of the fields.
func oneOf(names ...string) func(n *manifest.Node) (string, string) {
	return func(n *manifest.Node) (string, string) {
		found := ""
		for _, f := range n.Fields {
			if !slices.Contains(names, f.Key) || f.Value.IsNull() || f.Value.Kind == manifest.String && f.Value.Text == "" {
				continue
			}
			if found != "" {
				return f.Key, "cannot stand beside " + found + "; remove one of the two"
			}
			found = f.Key
		}
		if found == "" {
			return "", "says nothing; add one of " + strings.Join(names, ", ")
		}
		return "", ""
	}
}

func isTrue(n *manifest.Node) bool { return textOf(n) == "true" }

func isFalse(n *manifest.Node) bool { return textOf(n) == "false" }

// localhostProfile is the rule of the profiles of seccomp and AppArmor.
func localhostProfile(n *manifest.Node) (string, string) {
	profile := n.Get("localhostProfile")
	switch local := textOf(n.Get("type")) == "Localhost"; {
	case local && textOf(profile) == "":
		return "localhostProfile", "localhostProfile is missing; type Localhost needs it"
	case !local && profile != nil:
		return "localhostProfile", "is for type Localhost; remove it, or change the type"
	}
	return "", ""
}

// azureDisk is validateAzureDisk.
func azureDisk(n *manifest.Node) (string, string) {
	start := "https://"
	switch textOf(n.Get("kind")) {
	case "":
		return "", ""
	case "Managed":
		start = "/subscriptions/"
	}
	if !strings.HasPrefix(textOf(n.Get("diskURI")), start) {
		return "diskURI", "has to start with " + start + " where the kind is " + textOf(n.Get("kind"))
	}
	return "", ""
}

func clusterTrustBundle(n *manifest.Node) (string, string) {
	if field, problem := oneOf("name", "signerName")(n); problem != "" {
		return field, problem
	}
	if n.Get("name") != nil && n.Get("labelSelector") != nil {
		return "labelSelector", "cannot stand beside name; remove one of the two"
	}
	return "", ""
}

// container is what validateContainerCommon asks of fields that are seen without
// the pod.
func container(n *manifest.Node) (string, string) {
	if n.Get("restartPolicyRules") != nil && n.Get("restartPolicy") == nil {
		return "restartPolicyRules", "needs restartPolicy beside it; add it"
	}
	for _, probe := range []string{"livenessProbe", "startupProbe"} {
		if s := textOf(n.At(probe, "successThreshold")); s != "" && s != "1" && s != "0" {
			return probe, "takes successThreshold 1 only; remove it"
		}
	}
	if n.At("readinessProbe", "terminationGracePeriodSeconds") != nil {
		return "readinessProbe", "ends nothing, and so takes no terminationGracePeriodSeconds; remove it"
	}
	if p := twice(items(n.Get("ports")), "name"); p != nil {
		return "ports", "has the name " + textOf(p.Get("name")) + " twice; rename one"
	}
	if p := twice(items(n.Get("resizePolicy")), "resourceName"); p != nil {
		return "resizePolicy", "has " + textOf(p.Get("resourceName")) + " twice; remove one"
	}
	return "", ""
}

// twice is the second item with a field of the same text, which is not empty.
func twice(items []*manifest.Node, field string) *manifest.Node {
	seen := map[string]bool{}
	for _, item := range items {
		name := textOf(item.Get(field))
		if seen[name] && name != "" {
			return item
		}
		seen[name] = true
	}
	return nil
}

// podFields are those that the downward API has (validateObjectFieldSelector).
var podFields = map[string][]string{
	"a variable": {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"},
	"a file":     {"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"},
}

func podField(ref *manifest.Node, of string) string {
	text := textOf(ref.Get("fieldPath"))
	if ref == nil || text == "" || slices.Contains(podFields[of], text) {
		return ""
	}
	for _, list := range []string{"metadata.labels", "metadata.annotations"} {
		key, ok := strings.CutPrefix(text, list+"['")
		if key, ok2 := strings.CutSuffix(key, "']"); ok && ok2 {
			return labelName(strings.ToLower(key))
		}
	}
	return quoted(text) + " is not a field that " + of + " can have; the fields are " + strings.Join(podFields[of], ", ") + ", metadata.labels['<name>'], metadata.annotations['<name>']"
}

// divisor is validateContainerResourceDivisor.
func divisor(ref *manifest.Node) string {
	text := textOf(ref.Get("divisor"))
	allowed := []string{"0", "1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"}
	if strings.HasSuffix(textOf(ref.Get("resource")), ".cpu") {
		allowed = []string{"0", "1", "1m"}
	}
	if text == "" || slices.Contains(allowed, text) {
		return ""
	}
	return "the divisor " + quoted(text) + " is not one of " + strings.Join(allowed[1:], ", ")
}

func envVarSource(n *manifest.Node) (string, string) {
	if field, problem := oneOf("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")(n); problem != "" {
		return field, problem
	}
	if problem := podField(n.Get("fieldRef"), "a variable"); problem != "" {
		return "fieldRef", problem
	}
	return "resourceFieldRef", divisor(n.Get("resourceFieldRef"))
}

func downwardAPIFile(n *manifest.Node) (string, string) {
	if field, problem := oneOf("fieldRef", "resourceFieldRef")(n); problem != "" {
		return field, problem
	}
	if problem := podField(n.Get("fieldRef"), "a file"); problem != "" {
		return "fieldRef", problem
	}
	ref := n.Get("resourceFieldRef")
	if ref != nil && textOf(ref.Get("containerName")) == "" {
		return "resourceFieldRef", "names no container; add containerName"
	}
	return "resourceFieldRef", divisor(ref)
}

// fibreChannel is validateFCVolumeSource.
func fibreChannel(n *manifest.Node) (string, string) {
	names, lun := len(items(n.Get("targetWWNs"))), textOf(n.Get("lun"))
	switch ids := len(items(n.Get("wwids"))); {
	case names > 0 && ids > 0:
		return "wwids", "cannot stand beside targetWWNs; remove one of the two"
	case names == 0 && ids == 0:
		return "", "says nothing; add targetWWNs or wwids"
	case names > 0 && lun == "":
		return "lun", "lun is missing; targetWWNs needs it"
	case names > 0:
		return "lun", formats["byte"](lun)
	}
	return "", ""
}

func iscsi(n *manifest.Node) (string, string) {
	for _, chap := range []string{"chapAuthDiscovery", "chapAuthSession"} {
		if isTrue(n.Get(chap)) && n.Get("secretRef") == nil {
			return chap, "needs secretRef beside it; add it"
		}
	}
	return "", ""
}

func iscsiName(n *manifest.Node) (string, string) {
	source := n.Get("iscsi")
	if source.Get("initiatorName") != nil && len(textOf(n.Get("name"))+":"+textOf(source.Get("targetPortal"))) > 64 {
		return "name", "is too long: name:targetPortal may have 64 characters beside an initiatorName; shorten it"
	}
	return "", ""
}

func quobyte(n *manifest.Node) (string, string) {
	if len(textOf(n.Get("tenant"))) > 64 {
		return "tenant", "has more than 64 characters; write the tenant's UUID"
	}
	return "", ""
}

// selectorValues is the rule of a requirement of a selector, of labels or nodes.
func selectorValues(n *manifest.Node) (string, string) {
	values := items(n.Get("values"))
	switch operator := textOf(n.Get("operator")); operator {
	case "In", "NotIn":
		if len(values) == 0 {
			return "values", "values are missing; operator " + operator + " needs them"
		}
	case "Gt", "Lt":
		if len(values) != 1 {
			return "values", "has to be one number for operator " + operator
		}
	default:
		if len(values) > 0 {
			return "values", "says nothing to operator " + operator + "; remove it"
		}
	}
	return "", ""
}

// requiredValues is what ValidateNodeSelectorRequirement asks of the values of a
// required term. Those of a preferred one may be any.
func requiredValues(n *manifest.Node) (string, string) {
	for i, term := range items(n.Get("nodeSelectorTerms")) {
		for j, e := range items(term.Get("matchExpressions")) {
			for k, v := range items(e.Get("values")) {
				if problem := formats["labelValue"](textOf(v)); problem != "" {
					return fmt.Sprintf("nodeSelectorTerms[%d].matchExpressions[%d].values[%d]", i, j, k), problem
				}
			}
		}
	}
	return "", ""
}

// nodeSelectorTerm is the rest of ValidateNodeSelectorTerm.
func nodeSelectorTerm(n *manifest.Node) (string, string) {
	for _, f := range items(n.Get("matchFields")) {
		operator := textOf(f.Get("operator"))
		switch {
		case textOf(f.Get("key")) != "metadata.name":
			return "matchFields", quoted(textOf(f.Get("key"))) + " is not a field of nodes; the only one is metadata.name"
		case operator != "In" && operator != "NotIn":
			return "matchFields", "takes the operators In and NotIn only"
		case len(items(f.Get("values"))) != 1:
			return "matchFields", "takes one value; write matchFields for each"
		}
		if problem := dnsSubdomain(textOf(f.Get("values").Items[0])); problem != "" {
			return "matchFields", problem
		}
	}
	return "", ""
}

// matchLabelKeys is ValidateMatchLabelKeysAndMismatchLabelKeys.
func matchLabelKeys(n *manifest.Node) (string, string) {
	selector := n.Get("labelSelector")
	for _, field := range []string{"matchLabelKeys", "mismatchLabelKeys"} {
		if len(items(n.Get(field))) > 0 && selector == nil {
			return field, "needs labelSelector beside it; add it"
		}
	}
	for i, key := range items(n.Get("matchLabelKeys")) {
		if slices.ContainsFunc(n.Get("matchLabelKeys").Items[:i], func(other *manifest.Node) bool { return other.Text == key.Text }) {
			return "matchLabelKeys", textOf(key) + " is in this list already; remove one"
		}
		for _, other := range items(n.Get("mismatchLabelKeys")) {
			if textOf(key) == textOf(other) {
				return "matchLabelKeys", textOf(key) + " is in mismatchLabelKeys too; remove one"
			}
		}
		if selector.At("matchLabels", textOf(key)) != nil || slices.ContainsFunc(items(selector.Get("matchExpressions")), func(e *manifest.Node) bool { return textOf(e.Get("key")) == textOf(key) }) {
			return "matchLabelKeys", textOf(key) + " is in labelSelector too; remove one"
		}
	}
	return "", ""
}

// claimSpec is ValidatePersistentVolumeClaimSpec.
func claimSpec(n *manifest.Node) (string, string) {
	modes := items(n.Get("accessModes"))
	alone := slices.ContainsFunc(modes, func(m *manifest.Node) bool { return textOf(m) == "ReadWriteOncePod" })
	source, ref := n.Get("dataSource"), n.Get("dataSourceRef")
	switch {
	case alone && len(modes) > 1:
		return "accessModes", "ReadWriteOncePod cannot stand beside others; remove them"
	case n.At("resources", "requests", "storage") == nil:
		return "resources", "asks for no storage; add requests: {storage: 10Gi}"
	case source != nil && textOf(ref.Get("namespace")) != "":
		return "dataSource", "cannot stand beside a dataSourceRef with a namespace; remove one of the two"
	case source != nil && ref != nil && (textOf(source.Get("apiGroup")) != textOf(ref.Get("apiGroup")) ||
		textOf(source.Get("kind")) != textOf(ref.Get("kind")) || textOf(source.Get("name")) != textOf(ref.Get("name"))):
		return "dataSource", "differs from dataSourceRef; remove one of the two"
	}
	return "", ""
}

func claimSource(n *manifest.Node) (string, string) {
	if textOf(n.Get("apiGroup")) == "" && textOf(n.Get("kind")) != "PersistentVolumeClaim" {
		return "kind", "has to be PersistentVolumeClaim where there is no apiGroup; add the apiGroup"
	}
	return "", ""
}

func podCertificate(n *manifest.Node) (string, string) {
	for _, field := range []string{"credentialBundlePath", "keyPath", "certificateChainPath"} {
		if n.Get(field) != nil {
			return "", ""
		}
	}
	return "", "writes no file; add credentialBundlePath, or keyPath and certificateChainPath"
}

// dnsConfig is validatePodDNSConfig.
func dnsConfig(n *manifest.Node) (string, string) {
	length := 0
	for _, s := range items(n.Get("searches")) {
		length += len(textOf(s)) + len(" ")
	}
	switch {
	case len(items(n.Get("nameservers"))) > 3:
		return "nameservers", "has more than 3 entries; remove some"
	case len(items(n.Get("searches"))) > 32 || length > 2049:
		return "searches", "has more than 32 domains or 2048 characters; remove some"
	}
	return "", ""
}

func sysctls(n *manifest.Node) (string, string) {
	if s := twice(items(n.Get("sysctls")), "name"); s != nil {
		return "sysctls", "has " + textOf(s.Get("name")) + " twice; remove one"
	}
	return "", ""
}

// projectedPaths reports two files of one path (validateProjectionSources).
func projectedPaths(n *manifest.Node) (string, string) {
	seen := map[string]bool{}
	for _, s := range items(n.Get("sources")) {
		for _, path := range projected(s) {
			if seen[path] {
				return "sources", "writes " + quoted(path) + " twice; change one path"
			}
			seen[path] = true
		}
	}
	return "", ""
}

// projected are the paths that a source writes. The token's is not compared.
func projected(source *manifest.Node) (paths []string) {
	add := func(n *manifest.Node) {
		if textOf(n) != "" {
			paths = append(paths, textOf(n))
		}
	}
	for _, kind := range []string{"secret", "configMap", "downwardAPI"} {
		for _, item := range items(source.At(kind, "items")) {
			add(item.Get("path"))
		}
	}
	add(source.At("clusterTrustBundle", "path"))
	for _, field := range []string{"credentialBundlePath", "keyPath", "certificateChainPath"} {
		add(source.At("podCertificate", field))
	}
	return paths
}

// toleration is ValidateTolerations.
func toleration(n *manifest.Node) (string, string) {
	operator, text := textOf(n.Get("operator")), textOf(n.Get("value"))
	switch {
	case n.Get("tolerationSeconds") != nil && textOf(n.Get("effect")) != string(corev1.TaintEffectNoExecute):
		return "tolerationSeconds", "is for effect NoExecute only; remove it or change the effect"
	case operator == string(corev1.TolerationOpExists) && text != "":
		return "value", "operator Exists takes no value; remove it"
	case textOf(n.Get("key")) == "" && operator != string(corev1.TolerationOpExists):
		return "key", "without a key the operator has to be Exists; add one or write operator: Exists"
	case operator == "Lt" || operator == "Gt":
		if q, err := resource.ParseQuantity(shorten(text, 20)); err != nil || text != q.String() {
			return "value", "operator " + operator + " compares whole numbers; write one"
		}
		return "", ""
	}
	return "value", formats["labelValue"](text)
}

// topologySpread is validateTopologySpreadConstraints.
func topologySpread(n *manifest.Node) (string, string) {
	if n.Get("minDomains") != nil && textOf(n.Get("whenUnsatisfiable")) != string(corev1.DoNotSchedule) {
		return "minDomains", "is for whenUnsatisfiable: DoNotSchedule only; remove it"
	}
	return matchLabelKeys(n)
}

// volumeMount is ValidateVolumeMounts.
func volumeMount(n *manifest.Node) (string, string) {
	recursive, propagation := textOf(n.Get("recursiveReadOnly")), textOf(n.Get("mountPropagation"))
	switch {
	case textOf(n.Get("subPath")) != "" && textOf(n.Get("subPathExpr")) != "":
		return "subPathExpr", "cannot stand beside subPath; remove one of the two"
	case recursive == "" || recursive == "Disabled":
	case !isTrue(n.Get("readOnly")):
		return "recursiveReadOnly", "is for mounts with readOnly: true; add it"
	case propagation != "" && propagation != "None":
		return "recursiveReadOnly", "cannot stand beside mountPropagation; remove one of the two"
	}
	return "", ""
}

// networkPeer is ValidateNetworkPolicyPeer.
func networkPeer(n *manifest.Node) (string, string) {
	block, pods := n.Get("ipBlock"), n.Get("podSelector") != nil || n.Get("namespaceSelector") != nil
	switch {
	case block == nil && !pods:
		return "", "names nobody; add podSelector, namespaceSelector or ipBlock"
	case block != nil && pods:
		return "ipBlock", "cannot stand beside a selector; make them two peers"
	case block != nil:
		return "ipBlock", ipBlock(block)
	}
	return "", ""
}

// ipBlock says which exception is not a part of its block (ValidateIPBlock).
func ipBlock(n *manifest.Node) string {
	block, err := netip.ParsePrefix(textOf(n.Get("cidr")))
	if err != nil {
		return "" // and reported as such
	}
	for _, item := range items(n.Get("except")) {
		except, err := netip.ParsePrefix(textOf(item))
		if err == nil && (!block.Contains(except.Addr()) || block.Bits() >= except.Bits()) {
			return textOf(item) + " is no part of " + block.String() + "; remove it from except"
		}
	}
	return ""
}

// networkPort is ValidateNetworkPolicyPort.
func networkPort(n *manifest.Node) (string, string) {
	port, end := n.Get("port"), n.Get("endPort")
	switch {
	case end == nil:
	case port == nil || port.Kind != manifest.Number:
		return "endPort", "needs a port that is a number beside it"
	case len(textOf(end)) < len(textOf(port)) || len(textOf(end)) == len(textOf(port)) && textOf(end) < textOf(port):
		return "endPort", "is less than the port; write the larger one here"
	}
	return "", ""
}
