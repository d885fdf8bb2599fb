package render

import (
	"fmt"
	"math"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// formats are the checks that the format and keys tags of the configuration
// name: what is wrong with a text and what would be right, or nothing.
var formats = map[string]func(string) string{
	"absolutePath":           absolutePath,
	"bucket":                 matches(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`, "the name of a Cloud Storage bucket: 3 to 222 lowercase letters, digits, -, _ and ."),
	"byte":                   number(0, 255),
	"certificateSeconds":     number(3600, 91*24*3600),
	"cidr":                   cidr,
	"configKey":              kubernetes(validation.IsConfigMapKey, "a key: at most 253 letters, digits, -, _ and .", nil),
	"containerResourceField": matches(`^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$`, "a resource of a container, such as limits.cpu or requests.memory"),
	"count":                  number(0, math.MaxInt32),
	"csiDriver":              csiDriver,
	"deadline":               number(1, math.MaxInt32),
	"dnsLabel":               kubernetes(validation.IsDNS1123Label, "a name: 1 to 63 lowercase letters, digits and inner -", dashed),
	"dnsSearch":              dnsSearch,
	"dnsSubdomain":           dnsSubdomain,
	"dnsSubdomainOrNone":     orNone(dnsSubdomain),
	"domainName":             domainName,
	"duration":               duration,
	"email":                  matches(`^[^@\s]+@[^@\s]+\.[^@\s]+$`, "an e-mail address such as name@project.iam.gserviceaccount.com"),
	"envName":                envName,
	"envPrefix":              orNone(kubernetes(validation.IsEnvVarName, "the start of a variable's name: letters, digits, -, _ and ., no digit first", nil)),
	"fileMode":               fileMode,
	"finalizer":              finalizer,
	"flexOption":             flexOption,
	"gitBranch":              gitBranch,
	"gitURL":                 gitURL,
	"headerName":             kubernetes(validation.IsHTTPHeaderName, "the name of an HTTP header: letters, digits and -", nil),
	"homeFile":               homeFile,
	"homePath":               homePath,
	"hostPorts":              hostPorts,
	"id":                     number(0, math.MaxInt32), // Linux user ids that a Pod may have, IsValidUserID
	"image":                  image,
	"imageRegistry": matches(`^[A-Za-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`,
		"a registry and path, such as ghcr.io/acme"),
	"insidePath":            insidePath,
	"ip":                    ipAddress,
	"iqn":                   matches(`^(iqn\.[0-9]{4}-[0-9]{2}\.([a-z0-9.-]+)(:[^,;*&$| ]+)?|eui\.[a-fA-F0-9]{16}|naa\.([a-fA-F0-9]{16}|[a-fA-F0-9]{32}))$`, "the name of an iSCSI node, such as iqn.2015-02.example.com:test"),
	"labelValue":            kubernetes(isLabelValue, "a label's value: at most 63 letters, digits and inner -, _ and .", nil),
	"mountPath":             mountPath,
	"noBacksteps":           noBacksteps,
	"noSlash":               matches(`^[^/]*$`, "a name without /"),
	"notEmpty":              notEmpty,
	"notNegative":           notNegative,
	"podSecurityVersion":    matches(`^(latest|v1\.[0-9]+)$`, "latest or a version such as v1.35"),
	"port":                  port,
	"portName":              orNone(portName),
	"portOrName":            portOrName,
	"portOrNone":            number(0, 65535),
	"positive":              positiveAmount,
	"projectedPath":         projectedPath,
	"qualifiedName":         qualifiedName,
	"resourceName":          resourceName,
	"secretManagerResource": matches(`^projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]+(/versions/(latest|[0-9]+))?$`, "projects/<project>/secrets/<name>, with /versions/<version> where it is not the latest"),
	"signerName":            signerName,
	"sysctl":                sysctl,
	"tokenSeconds":          number(600, 1<<32),
	"tolerationKey":         orNone(qualifiedName),
	"trimmed":               matches(`^(\S|\S.*\S)$`, "a name without spaces around it"),
	"url":                   httpURL,
	"userName":              userName,
	"weight":                number(1, 100),
}

func quoted(text string) string { return strconv.Quote(shorten(text, 60)) }

// shorten is the start of a text that is too long to be shown.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "..."
}

func matches(pattern, want string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(text string) string {
		if re.MatchString(text) {
			return ""
		}
		return quoted(text) + " is not " + want
	}
}

// kubernetes adapts the API's own checks, in fewer words. fix, if not nil, makes
// of a text what may have been meant.
func kubernetes(check func(string) []string, want string, fix func(string) string) func(string) string {
	return func(text string) string {
		if len(check(text)) == 0 {
			return ""
		}
		problem := quoted(text) + " is not " + want
		if fix != nil {
			if fixed := fix(text); len(check(fixed)) == 0 {
				problem += "; write " + fixed
			}
		}
		return problem
	}
}

var noName = regexp.MustCompile(`[^A-Za-z0-9]+`)

func dashed(text string) string {
	return strings.ToLower(strings.Trim(noName.ReplaceAllString(text, "-"), "-"))
}

func underscored(text string) string { return noName.ReplaceAllString(text, "_") }

var variableName = kubernetes(validation.IsCIdentifier, "the name of a variable: letters, digits and _, no digit first", func(text string) string {
	return strings.ToUpper(underscored(text))
})

var dnsSubdomain = kubernetes(validation.IsDNS1123Subdomain, "a name: 1 to 253 lowercase letters, digits and inner - and .", dashed)

var labelName = kubernetes(validation.IsQualifiedName, "the name of a label or annotation: [<DNS name>/]<at most 63 letters, digits and inner -, _ and .>", nil)

func number(least, most int64) func(string) string {
	return func(text string) string {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && (n < least || n > most) {
			return text + " is out of range; write a number from " + strconv.FormatInt(least, 10) + " to " + strconv.FormatInt(most, 10)
		}
		return ""
	}
}

func duration(text string) string {
	if d, err := time.ParseDuration(text); err != nil || d <= 0 {
		return quoted(text) + " is not a duration; write it as 1h30m or 45s"
	}
	return ""
}

// envName is what the API asks of a variable's name, and refuses names that
// cannot be set from a shell or that other settings make.
func envName(text string) string {
	if setting := madeFrom[text]; setting != "" {
		return text + " is made from other settings; set " + setting + " instead"
	}
	return variableName(text)
}

func qualifiedName(text string) string {
	if strings.HasPrefix(text, "$") {
		return quoted(text) + " is not a name; directives such as $patch belong in pod"
	}
	return labelName(text)
}

// gitBranch holds a branch against git check-ref-format, and keeps it from
// being read as an option.
func gitBranch(text string) string {
	bad := text == "" || text[0] == '-' || text[0] == '/' || strings.HasSuffix(text, "/") || strings.HasSuffix(text, ".") ||
		strings.Contains(text, "..") || strings.Contains(text, "//") || strings.Contains(text, "@{") || text == "@" ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`~^:?*[\`, r) }) ||
		slices.ContainsFunc(strings.Split(text, "/"), func(part string) bool {
			return strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
		})
	if bad {
		return quoted(text) + " is not a branch name; write one such as main or feature/login, without spaces, .., ~^:?*[ and a leading -"
	}
	return ""
}

var scpURL = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9.-]+:[^\s:-][^\s]*$`)

// gitURL takes what git clone takes over a network.
func gitURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case scpURL.MatchString(text):
		return ""
	case err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "ssh", "git"}, u.Scheme):
		return quoted(text) + " is not a git URL; write https://host/path.git or git@host:path.git"
	}
	return ""
}

func httpURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return quoted(text) + " is not a URL; write https://host"
	}
	return ""
}

var linuxName = matches(`^([a-z_][a-z0-9_-]{0,31})?$`, "a Linux user name: lowercase letters, digits, _ and -")

// userName refuses root too: HOME is /home/<name>, and Scion takes root's for
// /root (its util.GetHomeDir).
func userName(text string) string {
	if text == "root" {
		return "an agent is not root, whose home is not /home/root; write another name, such as scion"
	}
	return linuxName(text)
}

// homeFile is the path of a file below the home directory.
func homeFile(text string) string {
	if problem := homePath(text); problem != "" || !strings.HasSuffix(text, "/") {
		return problem
	}
	return quoted(text) + " is the path of a directory; write that of a file, such as " + path.Join(text, "file")
}

// homePath is a path below another directory.
func homePath(text string) string {
	clean := path.Clean(text)
	switch {
	case strings.HasPrefix(text, "~/"):
		return quoted(text) + " starts with ~/; write " + strings.TrimPrefix(text, "~/")
	case text == "" || path.IsAbs(text) || clean == "." || clean == ".." || strings.HasPrefix(clean, "../"):
		return quoted(text) + " is not a relative path without ..; write one such as .claude/settings.json"
	case clean != strings.TrimSuffix(text, "/"):
		return quoted(text) + " is not a clean path; write " + clean
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }):
		return quoted(text) + " has a control character; remove it"
	case len(text) > maxPath || slices.ContainsFunc(strings.Split(text, "/"), func(name string) bool { return len(name) > maxFileName }):
		return fmt.Sprintf("%s is longer than Linux takes, %d bytes and %d of each name in it; shorten it", quoted(text), maxPath, maxFileName)
	}
	return ""
}

// The limits of paths: half of PATH_MAX, as there are directories above, and
// NAME_MAX.
const (
	maxPath     = 2048
	maxFileName = 255
)

// mountPath is an absolute path or one below ~/. A colon would be read as a
// mode by the kubelet (ValidateVolumeMounts refuses it).
func mountPath(text string) string {
	rest := strings.TrimPrefix(text, "~")
	switch {
	case !path.IsAbs(rest):
		return quoted(text) + " is not an absolute path; start it with / or ~/"
	case path.Clean(rest) != rest || rest == "/":
		return quoted(text) + " is not a clean path; write one without //, . and .., and not / itself"
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == ':' }):
		return quoted(text) + " has a colon or a control character; remove it"
	}
	return ""
}

// image is a reference as container runtimes read it.
func image(text string) string {
	if _, err := reference.ParseNormalizedNamed(text); err != nil {
		return quoted(text) + " is not an image: " + err.Error() + "; write one such as ghcr.io/acme/scion-claude:v1.2.3"
	}
	return ""
}

// checker is the Checker of configuration; its layers are patches of each
// other.
var checker = manifest.Checker{Formats: formats}
