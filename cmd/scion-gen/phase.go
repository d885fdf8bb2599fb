package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
	"github.com/scion-gen/scion-gen/pkg/podstream"
	"github.com/scion-gen/scion-gen/pkg/render"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/klog/v2"
)

// The labels that every agent's Pod carries.
const (
	labelAgent    = "scion.agent"
	labelName     = "scion.name"
	labelGrove    = "scion.grove"
	labelTemplate = "scion.template"
)

// phaseRun is one run of the verb.
type phaseRun struct {
	files    []string
	config   []string // paths
	cluster  clusterFlags
	mapping  phasemap.Options
	output   string
	color    string
	clock    clockFlag
	phases   []string // to show
	failOn   []string
	selector string
	grove    string
	template string
	watch    bool
	hold     *phasemap.Seconds

	stdin          io.Reader
	stdout, stderr io.Writer

	out      printer
	pods     labels.Selector
	declared []render.Declared
	shown    int
	failed   int  // of those shown, how many --fail-on names
	trouble  bool // something could not be read, and stderr says what
	partial  bool // and Pods may have been in it
}

const phaseLong = `Says what every agent is doing, and what to do about the broken ones, from their
Pods: those of a file, a pipe or a cluster.

A file holds a Pod, a list, JSON Lines, the events of a watch, or documents one
after the other, in JSON or YAML. Without -f, a pipe is read unless a flag says
which cluster (-n, -A, --context, --kubeconfig and the like). From a cluster
come the Pods labelled scion.agent=true, or those of -l; in a file every Pod
counts that -l, --grove and --template let pass.

An agent is one row, however many Pods it has: the newest that lives speaks for
it, or the newest at all. Pods are of one agent if they have the same namespace
and the same labels scion.grove and scion.name.

With --watch, each change is a line, until interrupted, until the pipe ends, or
until an agent is in a phase of --fail-on. A Pod that waits for too long turns to
error when its grace is over, and one that is deleted is stopped, without an
event or with one.

The exit code is 1 if an agent is in a phase of --fail-on, and 2 if anything
could not be read; what could be is printed all the same.`

const phaseExample = `  kubectl get pods -A -o json | scion-gen phase
  scion-gen phase -A --watch
  scion-gen phase -A --config agents            # and those that have no Pod yet
  scion-gen phase -n agents --phase error -o wide
  scion-gen phase -n agents --fail-on error     # in CI`

func phaseCommand() *cobra.Command {
	r := &phaseRun{}
	c := &cobra.Command{
		Use:     "phase [-f FILE]",
		Short:   "What every agent is doing, from its Pod",
		Long:    phaseLong,
		Example: phaseExample,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r.stdin, r.stdout, r.stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			ctx, stop := untilStopped(c.Context())
			defer stop()
			return r.run(ctx, r.fromCluster(c))
		},
	}
	r.bind(c)
	c.AddCommand(phaseRulesCommand())
	return c
}

// bind declares the flags.
func (r *phaseRun) bind(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.StringArrayVarP(&r.files, "filename", "f", nil, "read Pods from this `file`; - is stdin (repeatable)")
	r.cluster.bind(f)
	for _, name := range r.cluster.names() {
		c.MarkFlagsMutuallyExclusive("filename", name)
	}
	f.StringArrayVar(&r.config, "config", nil, "show agents that this `path` declares and that have no Pod, as created (repeatable)")
	f.BoolVarP(&r.watch, "watch", "w", false, "keep watching, and print each change")
	f.StringVarP(&r.selector, "selector", "l", "", "only Pods with these labels (key=value,...)")
	f.StringVar(&r.grove, "grove", "", "only agents of this grove")
	f.StringVar(&r.template, "template", "", "only agents made from this template")
	f.StringSliceVar(&r.phases, "phase", nil, "show only agents in these `phases`")
	f.VarP(newChoice(&r.output, outputs...), "output", "o", "the form; wide adds grove, rule, Pod, node, exit code and message")
	f.Var(newChoice(&r.color, "auto", "always", "never"), "color", "auto is colour on a terminal, unless NO_COLOR is set")
	f.StringSliceVar(&r.failOn, "fail-on", nil, "exit with 1 if an agent shown is in one of these `phases`")
	f.Var(&r.clock, "now", "the `moment` to judge Pods of a file by, in RFC 3339; none means that no grace is over; with --watch the clock stands still at it (default the present)")
	f.Var(secondsFlag{&r.hold}, "error-hold", "with --watch, `time` that an error that may heal is held back (default 0s)")
	bindMapping(f, &r.mapping)
}

// fromCluster decides where the Pods come from.
func (r *phaseRun) fromCluster(c *cobra.Command) bool {
	switch {
	case len(r.files) > 0:
		return false
	case slices.ContainsFunc(r.cluster.names(), c.Flags().Changed):
		return true
	}
	return !piped(r.stdin)
}

// piped reports whether in is something to be read: no terminal, not /dev/null.
func piped(in io.Reader) bool {
	f, ok := in.(*os.File)
	if !ok {
		return in != nil
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}

func (r *phaseRun) run(ctx context.Context, cluster bool) error {
	if err := r.prepare(cluster); err != nil {
		return err
	}
	// The library logs what it also returns.
	ctx = klog.NewContext(ctx, logr.Discard())
	var err error
	switch {
	case cluster && r.watch:
		err = r.watchCluster(ctx)
	case cluster:
		err = r.listCluster(ctx)
	case r.watch:
		err = r.watchFiles(ctx)
	default:
		err = r.listFiles(ctx)
	}
	if errors.Is(err, errFailedOn) {
		err = nil
	}
	return r.finish(err)
}

// prepare checks what flags say and opens the printer.
func (r *phaseRun) prepare(cluster bool) error {
	if cluster && r.clock.set {
		return errors.New("--now is for files; a cluster has its own clock")
	}
	if r.hold != nil && !r.watch {
		return errors.New("--error-hold is for --watch; one look has nothing to wait for")
	}
	if !cluster && slices.Contains(r.config, "-") && (len(r.files) == 0 || slices.Contains(r.files, "-")) {
		return errors.New("--config - and the Pods are both read from stdin; give one of them as a file")
	}
	if err := r.mapping.Validate(); err != nil {
		return err
	}
	for _, p := range slices.Concat(r.phases, r.failOn) {
		if !slices.Contains(phasemap.Phases(), phasemap.Phase(p)) {
			return fmt.Errorf("%q is no phase; the phases are %s", p, joinPhases(phasemap.Phases()))
		}
	}
	var err error
	if r.pods, err = r.labelSelector(cluster); err != nil {
		return err
	}
	if err := r.loadDeclared(); err != nil {
		return err
	}
	r.out, err = newPrinter(r.output, r.stdout, r.watch, r.colored(), r.clock.now)
	return err
}

// labelSelector joins the flags that choose Pods by label.
func (r *phaseRun) labelSelector(cluster bool) (labels.Selector, error) {
	text := r.selector
	if text == "" && cluster {
		text = labelAgent + "=true"
	}
	s, err := labels.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--selector: %w", err)
	}
	for _, by := range []struct{ flag, label, value string }{
		{"--grove", labelGrove, r.grove}, {"--template", labelTemplate, r.template},
	} {
		if by.value == "" {
			continue
		}
		requirement, err := labels.NewRequirement(by.label, selection.Equals, []string{by.value})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", by.flag, err)
		}
		s = s.Add(*requirement)
	}
	return s, nil
}

// wants reports whether the flags ask for a Pod.
func (r *phaseRun) wants(pod *corev1.Pod) bool { return r.pods.Matches(labels.Set(pod.Labels)) }

// errFailedOn ends a watch: an agent is in a phase that --fail-on names.
var errFailedOn = errors.New("an agent is in a phase of --fail-on")

// show prints an agent if it is asked for.
func (r *phaseRun) show(a agent) error {
	phase := string(a.status.Phase)
	if len(r.phases) > 0 && !slices.Contains(r.phases, phase) {
		return nil
	}
	r.shown++
	if err := r.out.print(a); err != nil {
		return err
	}
	if !slices.Contains(r.failOn, phase) {
		return nil
	}
	r.failed++
	if r.watch {
		return errFailedOn
	}
	return nil
}

// warn says on stderr what could not be read. An empty file is in err already.
func (r *phaseRun) warn(file string, err error) {
	r.trouble = true
	// A Status stands for all that the server did not say.
	if e, ok := errors.AsType[*podstream.NotPodError](err); !ok || e.Kind == "Status" {
		r.partial = true
	}
	switch {
	case file == "":
	case podstream.HasPosition(err):
		file += ":"
	default:
		file += ": "
	}
	fmt.Fprintf(r.stderr, "%s%s\n", file, oneLine(err.Error()))
}

// finish closes the output and says with which code to end.
func (r *phaseRun) finish(err error) error {
	err = cmp.Or(err, r.out.close())
	switch {
	case err != nil:
		return err
	case r.trouble:
		return &exitError{code: exitTrouble}
	case r.failed > 0:
		return inputError(fmt.Errorf("--fail-on %s: %d of %d agents", strings.Join(r.failOn, ","), r.failed, r.shown))
	case r.shown == 0 && !r.watch:
		fmt.Fprintln(r.stderr, "no agents found")
	}
	return nil
}

func joinPhases(phases []phasemap.Phase) string {
	names := make([]string, len(phases))
	for i, p := range phases {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
