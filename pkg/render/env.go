package render

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

const envStartCommand = "SCION_START_CMD"

// The groups of the agent container's variables, in their order. Within a
// group they are sorted; where two groups have a variable, the later wins.
const (
	envUser      = iota // HOME, LOGNAME, USER: what others may refer to
	envHarness          // what the harness's definition asks for
	envTelemetry        // made from spec.telemetry
	envScion            // made from the other settings: identity, hub, git
	envAgent            // spec.env
	envSecret           // spec.secrets
	envStart            // the commands
	envPatch            // what pod patches added
)

// envVar is one variable.
type envVar struct {
	group int
	name  string
	node  *manifest.Node // as it stands in the container
}

// variables are those made last, by their names. Most agents of a fleet have
// most of them in common, and share them.
type variables map[string]*manifest.Node

// text is the variable with a literal value.
func (v variables) text(name, text string, p manifest.Pos) *manifest.Node {
	if last := v[name].Get("value"); last != nil && last.Text == text && last.Pos == p {
		return v[name]
	}
	return v.value(name, manifest.Str(text, p))
}

// value is the variable with a value, a String, or a Mapping that is a
// valueFrom.
func (v variables) value(name string, value *manifest.Node) *manifest.Node {
	key := "value"
	if value.Kind == manifest.Mapping {
		key = "valueFrom"
	}
	if v[name].Get(key) != value {
		v[name] = object("name", manifest.Str(name, value.Pos), key, value)
	}
	return v[name]
}

// setting makes a variable from a setting. A nil text leaves it out.
type setting struct {
	env  string
	path string // of the setting, for positions
	text func(*agent) string
}

// scionEnv are the variables by which sciontool and the harness learn who the
// agent is (Scion's pkg/agent/run.go, pkg/runtimebroker/start_context.go and
// cmd/sciontool). An empty text sets none.
var scionEnv = []setting{
	{"SCION_AGENT_NAME", "metadata.name", func(a *agent) string { return a.doc.metadata.Name }},
	{"SCION_GROVE", "grove", func(a *agent) string { return a.spec.Grove }},
	{"SCION_TEMPLATE", "template", func(a *agent) string { return a.template }}, // Scion's may be a path in a broker's cache
	{"SCION_TEMPLATE_NAME", "template", func(a *agent) string { return a.template }},
	{"SCION_HARNESS", "harness.name", func(a *agent) string { return a.spec.Harness.Name }},
	{"SCION_HARNESS_SELECTED_AUTH", "harness.auth", func(a *agent) string { return a.spec.Harness.Auth }},
	{"SCION_MODEL", "model", func(a *agent) string { return a.spec.Model }},
	{"SCION_MAX_TURNS", "limits.maxTurns", func(a *agent) string { return positive(a.spec.Limits.MaxTurns) }},
	{"SCION_MAX_MODEL_CALLS", "limits.maxModelCalls", func(a *agent) string { return positive(a.spec.Limits.MaxModelCalls) }},
	{"SCION_MAX_DURATION", "limits.maxDuration", func(a *agent) string { return a.spec.Limits.MaxDuration }},
	{"SCION_HUB_ENDPOINT", "hub.endpoint", func(a *agent) string { return a.spec.Hub.Endpoint }},
	{"SCION_HUB_URL", "hub.endpoint", func(a *agent) string { return a.spec.Hub.Endpoint }},
	{"SCION_AGENT_ID", "hub.agentID", func(a *agent) string { return a.spec.Hub.AgentID }},
	{"SCION_AGENT_SLUG", "hub.agentSlug", func(a *agent) string { return a.spec.Hub.AgentSlug }},
	{"SCION_GROVE_ID", "hub.groveID", func(a *agent) string { return a.spec.Hub.GroveID }},
	{"SCION_BROKER_NAME", "hub.brokerName", func(a *agent) string { return a.spec.Hub.BrokerName }},
	{"SCION_BROKER_ID", "hub.brokerID", func(a *agent) string { return a.spec.Hub.BrokerID }},
	{"SCION_CREATOR", "hub.creator", func(a *agent) string { return a.spec.Hub.Creator }},
	{"SCION_DEBUG", "hub.debug", func(a *agent) string { return when(a.spec.Hub.Debug, "1") }},
	{"SCION_HOST_UID", "user.uid", func(a *agent) string { return strconv.FormatInt(a.spec.User.UID, 10) }},
	{"SCION_HOST_GID", "user.gid", func(a *agent) string { return strconv.FormatInt(a.spec.User.GID, 10) }},
	{"SCION_SHARED_WORKSPACE", "workspace.shared", func(a *agent) string { return when(a.spec.Workspace.Shared, "true") }},
	{"SCION_GIT_CLONE_URL", "workspace.git.url", func(a *agent) string { return a.clones().URL }},
	{"SCION_GIT_BRANCH", "workspace.git.branch", func(a *agent) string { return a.clones().Branch }},
	{"SCION_GIT_DEPTH", "workspace.git.depth", func(a *agent) string { return sciontoolDepth(a.clones()) }},
	{"SCION_AGENT_BRANCH", "workspace.git.agentBranch", func(a *agent) string { return a.clones().AgentBranch }},
	{"SCION_GITHUB_APP_ENABLED", "workspace.git.githubApp", func(a *agent) string { return when(a.git().GitHubApp, "true") }},
	{"SCION_GITHUB_TOKEN_PATH", "workspace.git.githubApp", func(a *agent) string { return when(a.git().GitHubApp, "/tmp/.github-token") }},
	{"SCION_METADATA_MODE", "metadata.mode", func(a *agent) string { return when(a.intercepts(), a.spec.Metadata.Mode) }},
	{"SCION_METADATA_PORT", "metadata.port", func(a *agent) string { return when(a.intercepts(), a.metadataPort()) }},
	{"SCION_METADATA_SA_EMAIL", "metadata.serviceAccountEmail", func(a *agent) string { return a.spec.Metadata.ServiceAccountEmail }},
	{"SCION_METADATA_PROJECT_ID", "metadata.projectID", func(a *agent) string { return a.spec.Metadata.ProjectID }},
	{"GCE_METADATA_HOST", "metadata.port", func(a *agent) string { return when(a.intercepts(), "localhost:"+a.metadataPort()) }},
	{"GCE_METADATA_ROOT", "metadata.port", func(a *agent) string { return when(a.intercepts(), "localhost:"+a.metadataPort()) }},
	{"SCION_OTEL_GCP_CREDENTIALS", "secrets", (*agent).telemetryCredentials},
}

// telemetryEnv are the variables of sciontool's telemetry (Scion's
// pkg/config/telemetry_convert.go).
var telemetryEnv = []setting{
	{"SCION_TELEMETRY_ENABLED", "telemetry.enabled", func(a *agent) string { return flag(a.spec.Telemetry.Enabled) }},
	{"SCION_TELEMETRY_CLOUD_ENABLED", "telemetry.cloud.enabled", func(a *agent) string { return flag(a.spec.Telemetry.Cloud.Enabled) }},
	{"SCION_OTEL_ENDPOINT", "telemetry.cloud.endpoint", func(a *agent) string { return a.spec.Telemetry.Cloud.Endpoint }},
	{"SCION_OTEL_PROTOCOL", "telemetry.cloud.protocol", func(a *agent) string { return a.spec.Telemetry.Cloud.Protocol }},
	{"SCION_OTEL_INSECURE", "telemetry.cloud.tls.insecureSkipVerify", func(a *agent) string { return flag(a.spec.Telemetry.Cloud.TLS.InsecureSkipVerify) }},
	{"SCION_OTEL_CA_FILE", "telemetry.cloud.tls.caFile", func(a *agent) string { return a.spec.Telemetry.Cloud.TLS.CAFile }},
	{"SCION_TELEMETRY_CLOUD_BATCH_MAX_SIZE", "telemetry.cloud.batch.maxSize", func(a *agent) string { return positive(a.spec.Telemetry.Cloud.Batch.MaxSize) }},
	{"SCION_TELEMETRY_CLOUD_BATCH_TIMEOUT", "telemetry.cloud.batch.timeout", func(a *agent) string { return a.spec.Telemetry.Cloud.Batch.Timeout }},
	{"SCION_TELEMETRY_CLOUD_PROVIDER", "telemetry.cloud.provider", func(a *agent) string { return a.spec.Telemetry.Cloud.Provider }},
	{"SCION_TELEMETRY_HUB_ENABLED", "telemetry.hub.enabled", func(a *agent) string { return flag(a.spec.Telemetry.Hub.Enabled) }},
	{"SCION_TELEMETRY_HUB_REPORT_INTERVAL", "telemetry.hub.reportInterval", func(a *agent) string { return a.spec.Telemetry.Hub.ReportInterval }},
	{"SCION_TELEMETRY_LOCAL_ENABLED", "telemetry.local.enabled", func(a *agent) string { return flag(a.spec.Telemetry.Local.Enabled) }},
	{"SCION_TELEMETRY_DEBUG", "telemetry.local.enabled", func(a *agent) string { return flag(a.spec.Telemetry.Local.Enabled) }},
	{"SCION_TELEMETRY_LOCAL_FILE", "telemetry.local.file", func(a *agent) string { return a.spec.Telemetry.Local.File }},
	{"SCION_TELEMETRY_LOCAL_CONSOLE", "telemetry.local.console", func(a *agent) string { return flag(a.spec.Telemetry.Local.Console) }},
	{"SCION_TELEMETRY_FILTER_ENABLED", "telemetry.filter.enabled", func(a *agent) string { return flag(a.spec.Telemetry.Filter.Enabled) }},
	{"SCION_TELEMETRY_FILTER_RESPECT_DEBUG_MODE", "telemetry.filter.respectDebugMode", func(a *agent) string { return flag(a.spec.Telemetry.Filter.RespectDebugMode) }},
	{"SCION_TELEMETRY_FILTER_INCLUDE", "telemetry.filter.events.include", func(a *agent) string { return strings.Join(a.spec.Telemetry.Filter.Events.Include, ",") }},
	{"SCION_TELEMETRY_FILTER_EXCLUDE", "telemetry.filter.events.exclude", func(a *agent) string { return strings.Join(a.spec.Telemetry.Filter.Events.Exclude, ",") }},
	{"SCION_TELEMETRY_REDACT", "telemetry.filter.attributes.redact", func(a *agent) string { return strings.Join(a.spec.Telemetry.Filter.Attributes.Redact, ",") }},
	{"SCION_TELEMETRY_HASH", "telemetry.filter.attributes.hash", func(a *agent) string { return strings.Join(a.spec.Telemetry.Filter.Attributes.Hash, ",") }},
}

// madeFrom is the setting that makes a variable, or empty: such variables
// cannot be set in env.
var madeFrom = func() map[string]string {
	from := map[string]string{
		"HOME": "user.name", "LOGNAME": "user.name", "USER": "user.name",
		envStartCommand: "onExit", harnessCommandVar: "task, args and harness",
	}
	for _, s := range slices.Concat(scionEnv, telemetryEnv) {
		from[s.env] = s.path
	}
	return from
}()

func when(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

func flag(b *bool) string {
	if b == nil {
		return ""
	}
	return strconv.FormatBool(*b)
}

func positive(n int64) string { return when(n > 0, strconv.FormatInt(n, 10)) }

// git is the repository of the workspace; the zero Git is none.
func (a *agent) git() Git {
	if a.spec.Workspace.Git == nil {
		return Git{}
	}
	return *a.spec.Workspace.Git
}

// clones is the repository that sciontool clones.
func (a *agent) clones() Git {
	if g := a.git(); g.Clone != cloneInit {
		return g
	}
	return Git{}
}

// intercepts reports whether sciontool stands in for the metadata server.
func (a *agent) intercepts() bool { return a.spec.Metadata.Mode != metadataPassthrough }

func (a *agent) metadataPort() string { return strconv.Itoa(int(a.spec.Metadata.Port)) }

// telemetryCredentials is the path of the file secret of that name, which
// sciontool's exporter reads.
func (a *agent) telemetryCredentials() string {
	for _, s := range a.spec.Secrets {
		if s.Name == "scion-telemetry-gcp-credentials" && s.Type == secretFile {
			return a.expandHome(cmp.Or(s.Target, s.Name))
		}
	}
	return ""
}

// env are the agent container's variables, one a name.
func (a *agent) env() []envVar {
	vars := make([]envVar, 0, 48)
	put := func(v envVar) {
		if i := slices.IndexFunc(vars, func(other envVar) bool { return other.name == v.name }); i >= 0 {
			vars[i] = v
			return
		}
		vars = append(vars, v)
	}
	add := func(group int, name string, value *manifest.Node) {
		put(envVar{group, name, a.variables.value(name, value)})
	}
	text := func(group int, name, text string, p manifest.Pos) {
		put(envVar{group, name, a.variables.text(name, escapeExpansion(text), p)})
	}
	user := a.pos("user", "name")
	text(envUser, "HOME", a.home(), user)
	text(envUser, "LOGNAME", a.spec.User.Name, user)
	text(envUser, "USER", a.spec.User.Name, user)
	a.harnessEnv(add)
	addSettings := func(group int, settings []setting) {
		for _, s := range settings {
			if t := s.text(a); t != "" {
				text(group, s.env, t, a.settingPos(s.path))
			}
		}
	}
	addSettings(envTelemetry, telemetryEnv)
	addSettings(envScion, scionEnv)
	for _, kv := range gitEnv() {
		text(envScion, kv[0], kv[1], a.pos("workspace"))
	}
	for _, f := range fields(a.at("env")) {
		add(envAgent, f.Key, f.Value)
	}
	a.secretEnv(add)
	text(envStart, envStartCommand, startScript(a.onExit()), a.pos("onExit"))
	text(envStart, harnessCommandVar, a.command, a.pos(a.longestArgument()...))
	return sortEnv(vars)
}

// settingPos is where a setting of the tables stands. The name is the one that
// is not in the spec.
func (a *agent) settingPos(path string) manifest.Pos {
	if path == "metadata.name" {
		return a.where()
	}
	n := a.tree
	for key := range strings.SplitSeq(path, ".") {
		n = n.Get(key)
	}
	if n == nil {
		return manifest.Pos{}
	}
	return n.Pos
}

func sortEnv(vars []envVar) []envVar {
	slices.SortFunc(vars, func(x, y envVar) int {
		return cmp.Or(cmp.Compare(x.group, y.group), cmp.Compare(x.name, y.name))
	})
	return vars
}
