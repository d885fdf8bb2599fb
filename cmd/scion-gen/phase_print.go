package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/scion-gen/scion-gen/pkg/phasemap"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// outputs are the values of -o.
var outputs = []string{"table", "wide", "json", "jsonl", "yaml", "name"}

// printer writes agents as they come.
type printer interface {
	print(agent) error
	flush() error // what was printed is to be seen now
	close() error
}

func newPrinter(output string, w io.Writer, watch, color bool, now func() time.Time) (printer, error) {
	if watch && (output == "json" || output == "yaml") {
		return nil, fmt.Errorf("-o %s has an end and --watch has none; use -o jsonl", output)
	}
	switch output {
	case "json":
		return &jsonPrinter{w: w}, nil
	case "jsonl":
		return linePrinter{w, jsonLine}, nil
	case "yaml":
		return &yamlPrinter{w: w}, nil
	case "name":
		return linePrinter{w, nameLine}, nil
	}
	return newTable(w, output == "wide", color, now), nil
}

// colored reports whether the phases are to be in colour.
func (r *phaseRun) colored() bool {
	switch r.color {
	case "always", "never":
		return r.color == "always"
	}
	f, ok := r.stdout.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// agentJSON is the form of an agent for programs. Fields may be added.
type agentJSON struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Pod       *string           `json:"pod"` // null if there is none
	Phase     phasemap.Phase    `json:"phase"`
	Rule      string            `json:"rule"`
	Reason    string            `json:"reason"`
	Message   string            `json:"message"`
	Terminal  bool              `json:"terminal"`
	Retryable bool              `json:"retryable"`
	ExitCode  phasemap.ExitCode `json:"exitCode"`
	Hint      *phasemap.Hint    `json:"hint"`
	Container *string           `json:"container"`
	Notes     phasemap.Notes    `json:"notes"`
	Grove     *string           `json:"grove"` // null if it is in none
}

func (a agent) json() agentJSON {
	s := a.status
	j := agentJSON{
		Namespace: a.namespace, Name: a.name,
		Phase: s.Phase, Rule: s.Rule, Reason: s.Reason, Message: s.Message,
		Terminal: s.Terminal, Retryable: s.Retryable, ExitCode: s.ExitCode, Notes: s.Notes,
	}
	if a.grove != "" {
		j.Grove = &a.grove
	}
	if a.pod.name != "" {
		j.Pod = &a.pod.name
	}
	if s.Hint != (phasemap.Hint{}) {
		j.Hint = &s.Hint
	}
	if s.Container != "" {
		j.Container = &s.Container
	}
	return j
}

// marshal is json.Marshal without the escapes that only HTML needs, and with
// those that a terminal needs.
func marshal(v any, prefix, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, indent)
	err := e.Encode(v)
	return escaped(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
}

// escaped is the same JSON without a character that could draw on a terminal:
// those below space are escaped already, but U+009B is as good as ESC [. Nor has
// it any that a YAML parser refuses, which are no pairs of escapes either.
func escaped(text []byte) []byte {
	harmless := func(r rune) bool { return r < 0x7F || r > 0xFFFF || unicode.IsPrint(r) }
	if bytes.IndexFunc(text, func(r rune) bool { return !harmless(r) }) < 0 {
		return text
	}
	safe := make([]byte, 0, len(text)+64)
	for _, r := range string(text) {
		if harmless(r) {
			safe = utf8.AppendRune(safe, r)
		} else {
			safe = fmt.Appendf(safe, `\u%04x`, r)
		}
	}
	return safe
}

// jsonPrinter writes an array, object by object.
type jsonPrinter struct {
	w   io.Writer
	any bool
}

func (p *jsonPrinter) print(a agent) error {
	text, err := marshal(a.json(), "  ", "  ")
	if err != nil {
		return err
	}
	before := ",\n  "
	if !p.any {
		before, p.any = "[\n  ", true
	}
	_, err = p.w.Write(slices.Concat([]byte(before), text))
	return err
}

func (p *jsonPrinter) flush() error { return nil }

func (p *jsonPrinter) close() error {
	end := "\n]\n"
	if !p.any {
		end = "[]\n"
	}
	_, err := io.WriteString(p.w, end)
	return err
}

// yamlPrinter writes a sequence, some elements at a time: each call of the
// library takes a quarter of a megabyte, however little it is for.
type yamlPrinter struct {
	w    io.Writer
	any  bool
	held []agentJSON
}

// yamlBlock is how many agents become YAML at a time.
const yamlBlock = 16

func (p *yamlPrinter) print(a agent) error {
	p.any, p.held = true, append(p.held, a.json())
	if len(p.held) < yamlBlock {
		return nil
	}
	return p.write()
}

func (p *yamlPrinter) write() error {
	text, err := marshal(p.held, "", "")
	if err != nil {
		return err
	}
	if text, err = yaml.JSONToYAML(text); err != nil {
		return err
	}
	p.held = p.held[:0]
	_, err = p.w.Write(text)
	return err
}

func (p *yamlPrinter) flush() error { return nil }

func (p *yamlPrinter) close() error {
	switch {
	case len(p.held) > 0:
		return p.write()
	case p.any:
		return nil
	}
	_, err := io.WriteString(p.w, "[]\n")
	return err
}

// linePrinter writes one line an agent, at once.
type linePrinter struct {
	w    io.Writer
	line func(agent) ([]byte, error)
}

func (p linePrinter) print(a agent) error {
	line, err := p.line(a)
	if err != nil {
		return err
	}
	_, err = p.w.Write(append(line, '\n'))
	return err
}

func (linePrinter) flush() error { return nil }
func (linePrinter) close() error { return nil }

func jsonLine(a agent) ([]byte, error) { return marshal(a.json(), "", "") }

// nameLine names the agent as kubectl and Argo CD name things across
// namespaces.
func nameLine(a agent) ([]byte, error) { return []byte(oneLine(a.namespace + "/" + a.name)), nil }
