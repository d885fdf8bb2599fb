package render

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// The checks of single fields that the API server has (pkg/apis/core/validation
// of Kubernetes), for the tags that pkg/manifest has of the API's types.

func orNone(check func(string) string) func(string) string {
	return func(text string) string {
		if text == "" {
			return ""
		}
		return check(text)
	}
}

func notEmpty(text string) string {
	if text == "" {
		return "is empty; write a value, or remove what it belongs to"
	}
	return ""
}

// notNegative and positiveAmount take numbers and quantities, which are in their
// canonical form.
func notNegative(text string) string {
	if strings.HasPrefix(text, "-") && text != "-0" {
		return shorten(text, 60) + " is negative; write 0 or more"
	}
	return ""
}

func positiveAmount(text string) string {
	if strings.HasPrefix(text, "-") || text == "0" {
		return shorten(text, 60) + " is not more than 0; write a larger one"
	}
	return ""
}

// fileMode is the mode bits of a file, which JSON has in decimal only.
func fileMode(text string) string {
	octal, err := strconv.ParseUint(text, 8, 9)
	switch problem := number(0, 0o777)(text); {
	case err == nil && len(text) > 1 && text[0] == '0':
		return fmt.Sprintf("%s is octal, and the API takes decimal numbers only; write %d", text, octal)
	case err == nil && problem != "":
		return fmt.Sprintf("%s, or %d if the mode is 0%s, in octal", problem, octal, text)
	default:
		return problem
	}
}

func hasBackstep(text string) bool { return slices.Contains(strings.Split(text, "/"), "..") }

func noBacksteps(text string) string {
	switch {
	case text == "":
		return notEmpty(text)
	case hasBackstep(text):
		return quoted(text) + " has a ..; write the path without"
	}
	return ""
}

func absolutePath(text string) string {
	if !path.IsAbs(text) {
		return quoted(text) + " is not an absolute path; start it with /"
	}
	return ""
}

// insidePath is a path in a volume; empty is its root.
func insidePath(text string) string {
	if path.IsAbs(text) || hasBackstep(text) {
		return quoted(text) + " is not a relative path without ..; write one such as data/files"
	}
	return ""
}

// projectedPath is where a file is put in a volume. The kubelet keeps names that
// start with .. for itself.
func projectedPath(text string) string {
	if problem := insidePath(text); problem != "" || text == "" {
		return problem + notEmpty(text)
	}
	if strings.HasPrefix(text, "..") {
		return quoted(text) + " starts with .., which the kubelet keeps for itself; write another name"
	}
	return ""
}

func ipAddress(text string) string {
	if _, err := netip.ParseAddr(text); err != nil {
		return quoted(text) + " is not an IP address; write one such as 10.0.0.1"
	}
	return ""
}

func cidr(text string) string {
	if _, err := netip.ParsePrefix(text); err != nil {
		return quoted(text) + " is not a block of IP addresses; write one such as 10.0.0.0/8"
	}
	return ""
}

var port = number(1, 65535)

var portName = kubernetes(validation.IsValidPortName, "the name of a port: at most 15 lowercase letters, digits and inner -, with a letter", nil)

func portOrName(text string) string {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil {
		return port(text)
	}
	return portName(text)
}

// hostPorts are addresses with ports, separated by commas.
var hostPorts = matches(`^`+hostPort+`(,`+hostPort+`)*$`, "a list of addresses; write host:port, with commas between them")

const hostPort = `(\[[^]]*\]|[^][:,]*):[^][:,]*`

// dnsSearch is a domain to search, which may have underscores and end in a full
// stop.
func dnsSearch(text string) string {
	if text == "." || len(validation.IsDNS1123SubdomainWithUnderscore(strings.TrimSuffix(text, "."))) == 0 {
		return ""
	}
	return quoted(text) + " is not a domain; write one such as svc.cluster.local"
}

func csiDriver(text string) string {
	if len(text) > validation.DNS1123LabelMaxLength || len(validation.IsDNS1123Subdomain(strings.ToLower(text))) > 0 {
		return quoted(text) + " is not the name of a CSI driver: at most 63 letters, digits and inner - and ."
	}
	return ""
}

func signerName(text string) string {
	if domain, name, ok := strings.Cut(text, "/"); !ok || !strings.Contains(domain, ".") ||
		len(validation.IsDNS1123Subdomain(domain)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return quoted(text) + " is not the name of a signer; write one such as example.com/name"
	}
	return ""
}

// domainName is a name that belongs to a domain.
func domainName(text string) string {
	if !strings.Contains(text, "/") || len(validation.IsQualifiedName(text)) > 0 {
		return quoted(text) + " is not a name with its domain; write one such as example.com/name"
	}
	return ""
}

// finalizer is a name that pods take (ValidateFinalizerName).
func finalizer(text string) string {
	if text == metav1.FinalizerOrphanDependents || text == metav1.FinalizerDeleteDependents || text == string(corev1.FinalizerKubernetes) {
		return ""
	}
	return domainName(text)
}

var sysctlName = matches(`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`, "the name of a sysctl, such as net.core.somaxconn")

func sysctl(text string) string {
	if len(text) > 253 {
		return quoted(text) + " is longer than 253 characters; no sysctl is"
	}
	return sysctlName(text)
}

func flexOption(text string) string {
	domain, _, _ := strings.Cut("."+strings.ToLower(text), "/")
	if strings.HasSuffix(domain, ".kubernetes.io") || strings.HasSuffix(domain, ".k8s.io") {
		return quoted(text) + " is of Kubernetes' own domain; remove it"
	}
	return ""
}

// resourceName is a resource that a container can have
// (validateContainerResourceName).
func resourceName(text string) string {
	name := corev1.ResourceName(text)
	switch {
	case isStandardResource(name), strings.Contains(text, "kubernetes.io/") && len(validation.IsQualifiedName(text)) == 0:
		return ""
	case !strings.Contains(text, "/"):
		return quoted(text) + " is not a resource of a container; write cpu, memory, ephemeral-storage, hugepages-<size>, or a device's with its domain, such as nvidia.com/gpu"
	case strings.HasPrefix(text, "requests.") || len(validation.IsQualifiedName("requests."+text)) > 0:
		return quoted(text) + " is not the name of an extended resource; write one such as nvidia.com/gpu"
	}
	return ""
}

func isStandardResource(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage ||
		isHugePages(name) && len(validation.IsQualifiedName(string(name))) == 0
}

func isHugePages(name corev1.ResourceName) bool {
	return strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}

// isExtended says that a resource is a device's: counted, and not shared.
func isExtended(name corev1.ResourceName) bool {
	return strings.Contains(string(name), "/") && !strings.Contains(string(name), "kubernetes.io/")
}
