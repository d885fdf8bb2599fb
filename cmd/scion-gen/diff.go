package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scion-gen/scion-gen/pkg/diff"
	"github.com/scion-gen/scion-gen/pkg/diff/report"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

// diffRun is the flags of one run of diff.
type diffRun struct {
	diff.Options
	format, output, color string
	maxBytes              int
	failOn                []string
	allow, now            string
}

func diffCommand() *cobra.Command {
	var r diffRun
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what a change means for what runs, and for security",
		Long: `Compares Kubernetes objects as the API server reads them: objects by group,
kind, namespace and name whatever file they are in, lists by their keys,
quantities by their value. The same change in many objects is one entry.

OLD and NEW are each one of

  DIR, FILE           manifests; - is standard input
  DIR, FILE           configuration of gen.scion.dev, which is rendered
  DIR                 a kustomization, which is built
  git:REF[:PATH]      any of these as it is at a commit, PATH as of the current
                      directory

files:, render: and build: before a path say what it is where that is not seen.

A directory may hold several trees that render or build wrote, with the same
objects: they are compared tree by tree, and the same change is said once. A
path that a commit does not have reads as empty.

Each change has a verdict: in-place, on-resume, new, resize, restart, recreate
or delete. With --fail-on, only what it names makes the exit code 1.

Exit codes: 0 nothing differs, or nothing that --fail-on names; 1 otherwise; 2
trouble.`,
		Example: `  scion-gen diff git:origin/main:manifests manifests
  scion-gen diff git:HEAD:agents agents --fail-on recreate,delete,security:high
  kubectl get pods -o yaml | scion-gen diff - manifests`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.run(cmd.Context(), args, cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.Var(newChoice(&r.format, "text", "json", "markdown", "html", "sarif", "github", "junit"), "format", "how to write the report")
	f.StringVarP(&r.output, "output", "o", "-", "the file to write to, or - for standard output")
	f.Var(newChoice(&r.color, "auto", "always", "never"), "color", "auto is on a terminal, unless NO_COLOR is set")
	f.IntVar(&r.maxBytes, "max-bytes", 0, "leave out groups that do not fit, in text and markdown; 0 is 65536 for markdown, which a comment on GitHub holds, and else no limit")
	f.StringSliceVar(&r.IgnorePaths, "ignore-path", nil, "fields whose changes do not count, such as metadata.annotations or spec.containers[*].image")
	f.StringSliceVar(&r.IgnoreKinds, "ignore-kind", nil, "kinds that do not count, such as Secret or Deployment.apps")
	f.BoolVar(&r.Defaults, "defaults", false, "take a field that has the API server's default for one that is absent")
	f.StringSliceVar(&r.failOn, "fail-on", nil, "what makes the exit code 1: verdicts, renamed, refused, security, security:SEVERITY or the id of a flag")
	f.StringVar(&r.allow, "allow", "", "a file of what --fail-on lets pass, with reasons and dates")
	f.StringVar(&r.now, "now", "", "the day on which the allow file is read, as 2006-01-02; today if empty")
	return cmd
}

func (r *diffRun) run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	// What is read is soon forgotten, and collecting it a fifth of the work: it is
	// left until there are 64 MiB.
	defer debug.SetGCPercent(debug.SetGCPercent(1600))
	gate, err := r.gate()
	if err != nil {
		return err
	}
	if args[0] == "-" && args[1] == "-" {
		return fmt.Errorf("standard input can be one side alone")
	}
	reader := sideReader{ctx: ctx, stdin: stdin, stderr: stderr}
	old, new, err := reader.read(args)
	if err != nil {
		return err
	}
	result := diff.Compare(old, new, r.Options)
	if err := reader.errs.Err(); err != nil {
		return err
	}
	if gate != nil {
		result.Gate = gate.Check(result)
	}
	if err := r.write(result, stdout); err != nil {
		return err
	}
	failed := len(result.Objects) > 0
	if gate != nil {
		failed = len(result.Gate.Violations) > 0
	}
	if failed {
		return &exitError{exitInput, nil}
	}
	return nil
}

// gate is what --fail-on and --allow say, nil where nothing is gated.
func (r *diffRun) gate() (*diff.Gate, error) {
	if len(r.failOn) == 0 {
		if r.allow != "" {
			return nil, fmt.Errorf("--allow needs --fail-on")
		}
		return nil, nil
	}
	day := time.Now()
	if r.now != "" {
		var err error
		if day, err = time.Parse(time.DateOnly, r.now); err != nil {
			return nil, fmt.Errorf("--now %s is no day; write it as 2006-01-02", r.now)
		}
	}
	gate, err := diff.NewGate(r.failOn, day)
	if err != nil || r.allow == "" {
		return gate, err
	}
	data, err := os.ReadFile(r.allow)
	if err != nil {
		return nil, err
	}
	var errs manifest.Errors
	gate.Allow = diff.ReadAllowances(r.allow, data, &errs)
	return gate, errs.Err()
}

func (r *diffRun) write(result *diff.Report, stdout io.Writer) error {
	var out bytes.Buffer
	if err := r.print(result, &out, stdout); err != nil {
		return err
	}
	if r.output == "-" {
		_, err := stdout.Write(out.Bytes())
		return err
	}
	return os.WriteFile(r.output, out.Bytes(), 0o666)
}

func (r *diffRun) print(result *diff.Report, out *bytes.Buffer, stdout io.Writer) error {
	switch r.format {
	case "json":
		return report.JSON(out, result)
	case "markdown":
		return report.Markdown(out, result, report.MarkdownOptions{MaxBytes: r.maxBytes})
	case "html":
		return report.HTML(out, result)
	case "sarif":
		return report.SARIF(out, result)
	case "junit":
		return report.JUnit(out, result)
	case "github":
		if err := summarizeStep(result); err != nil {
			return err
		}
		return report.GitHub(out, result)
	}
	return report.Text(out, result, report.TextOptions{Color: r.colored(stdout), MaxBytes: r.maxBytes})
}

// summarizeStep adds the report to the summary of a step of GitHub Actions, if
// it runs in one.
func summarizeStep(result *diff.Report) error {
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	// What the step has written before counts, too.
	info, err := f.Stat()
	if err != nil {
		return err
	}
	room := report.SummaryBytes - int(info.Size())
	if err := report.Markdown(f, result, report.MarkdownOptions{MaxBytes: max(room, 1)}); err != nil {
		return err
	}
	return f.Close()
}

// colored reports whether the text is to be in colour.
func (r *diffRun) colored(stdout io.Writer) bool {
	if r.color != "auto" {
		return r.color == "always"
	}
	f, ok := stdout.(*os.File)
	return ok && r.output == "-" && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}
