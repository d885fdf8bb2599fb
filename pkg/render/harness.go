package render

import (
	"cmp"
	"errors"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// argv is the harness's command line, as Harness documents it.
func (a *agent) argv() []Arg {
	h := a.spec.Harness
	argv := texts(h.Command)
	if a.spec.Resume {
		argv = append(argv, texts(h.ResumeArgs)...)
	}
	if a.spec.Home.SystemPrompt != nil && len(h.SystemPromptArgs) > 0 {
		argv = append(argv, texts(h.SystemPromptArgs)...)
		argv = append(argv, Arg{File: h.SystemPromptFile})
	}
	if a.spec.Model != "" {
		argv = withValue(argv, h.ModelArgs, a.spec.Model)
	}
	argv = append(argv, texts(a.spec.Args)...)
	if a.spec.Task != "" {
		argv = withValue(argv, h.TaskArgs, a.spec.Task)
	}
	return argv
}

func texts(words []string) []Arg {
	args := make([]Arg, len(words))
	for i, w := range words {
		args[i] = Arg{Text: w}
	}
	return args
}

// withValue appends flags and their value: joined to a last flag that ends in
// "=", else as an argument of its own. The former keeps parsers from taking a
// value that starts with a dash for another flag.
func withValue(argv []Arg, flags []string, value string) []Arg {
	argv = append(argv, texts(flags)...)
	if n := len(flags); n > 0 && strings.HasSuffix(flags[n-1], "=") {
		argv[len(argv)-1].Text += value
		return argv
	}
	return append(argv, Arg{Text: value})
}

// checkCommand makes the shell text of the command line, or reports why there
// is none.
func (a *agent) checkCommand() {
	argv := a.argv()
	if len(argv) == 0 {
		a.fail([]string{"harness", "command"}, "the agent has nothing to run; set template, harness.command or args")
		return
	}
	var err error
	a.command, err = harnessCommand(argv)
	switch {
	case errors.Is(err, errNoCommand):
		a.fail(a.firstArgument(), "the command line starts with %s, which is no program; set template or harness.command", quoted(argv[0].Text))
	case err != nil:
		a.fail(a.longestArgument(), "%v", err)
	}
	// The file becomes one word of the command line.
	prompt := a.at("home", "systemPrompt", "text")
	if size := len(textOf(prompt)); size >= maxExecString && len(a.spec.Harness.SystemPromptArgs) > 0 {
		a.fail([]string{"home", "systemPrompt", "text"}, "has %d bytes, and Linux hands at most %d to a program; shorten it, or move parts to home.instructions", size, maxExecString-1)
	}
}

// firstArgument is the setting that the command line starts with.
func (a *agent) firstArgument() []string {
	switch {
	case len(a.spec.Harness.Command) > 0:
		return []string{"harness", "command"}
	case len(a.spec.Args) > 0:
		return []string{"args"}
	}
	return []string{"task"}
}

// longestArgument is the setting to blame for a command that is too long.
func (a *agent) longestArgument() []string {
	args := 0
	for _, arg := range a.spec.Args {
		args += len(arg)
	}
	switch {
	case len(a.spec.Task) >= args && a.spec.Task != "":
		return []string{"task"}
	case args > 0:
		return []string{"args"}
	}
	return []string{"harness", "command"}
}

// harnessEnv adds what the harness's definition asks for.
func (a *agent) harnessEnv(add func(int, string, *manifest.Node)) {
	h := a.at("harness")
	addAll := func(n *manifest.Node) {
		for _, f := range fields(n) {
			add(envHarness, f.Key, f.Value)
		}
	}
	addAll(h.Get("env"))
	if on := a.spec.Telemetry.Enabled; on != nil && *on {
		addAll(h.Get("telemetryEnv"))
	}
	if a.spec.Home.SystemPrompt != nil {
		addAll(h.Get("systemPromptEnv"))
	}
	if auth := a.spec.Harness.Auth; auth != "" {
		addAll(h.At("authMethods", auth, "env"))
	}
}

// checkHarness holds the method of authentication against those there are and
// the secrets it needs.
func (a *agent) checkHarness() {
	a.checkCommand()
	h := a.spec.Harness
	if h.Auth != "" && len(h.AuthMethods) > 0 {
		method, ok := h.AuthMethods[h.Auth]
		if !ok {
			a.fail([]string{"harness", "auth"}, "%q is not a method of %s; the methods are %s", h.Auth, cmp.Or(h.Name, "the harness"), keys(h.AuthMethods))
		}
		for _, variable := range method.Secrets {
			if !a.hasSecretEnv(variable) {
				a.fail([]string{"harness", "auth"}, "%s needs the variable %s from a secret; %s", h.Auth, variable, secretHint(variable))
			}
		}
	}
	if a.spec.Home.SystemPrompt != nil && h.SystemPromptFile == "" {
		a.fail([]string{"home", "systemPrompt"}, "%s takes no system prompt; put the text into home.instructions", cmp.Or(h.Name, "the harness"))
	}
	if a.spec.Home.Instructions != nil && h.InstructionsFile == "" {
		a.fail([]string{"home", "instructions"}, "%s has no harness.instructionsFile; use home.files", cmp.Or(h.Name, "the harness"))
	}
}
