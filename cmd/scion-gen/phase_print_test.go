package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/phasemap"
)

// Whatever is in a name or a message, no output has a control character but line
// breaks, and a program reads back what was there.
func TestPrintHostile(t *testing.T) {
	var all strings.Builder
	for r := rune(1); r < 0x3000; r++ {
		all.WriteRune(r)
	}
	all.WriteString("\uFEFF \uFFFE \uFFFF \U000E0001 \U0010FFFF \U0001F600 \xff\xc2")
	text := all.String()
	a := agent{
		agentName: agentName{namespace: text, grove: text, name: text}, pod: podRef{name: text, node: text},
		status: phasemap.Status{Phase: phasemap.Error, Message: text, Container: text},
	}
	want := strings.ToValidUTF8(text, "\uFFFD\uFFFD") // each byte is one
	for _, output := range outputs {
		t.Run(output, func(t *testing.T) {
			var b bytes.Buffer
			p, err := newPrinter(output, &b, false, false, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 * yamlBlock {
				if err := p.print(a); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.close(); err != nil {
				t.Fatal(err)
			}
			for _, r := range b.String() {
				if unicode.IsControl(r) && r != '\n' {
					t.Fatalf("%U is printed", r)
				}
			}
			var got []agentJSON
			switch output {
			case "json":
				err = json.Unmarshal(b.Bytes(), &got)
			case "yaml":
				err = yaml.Unmarshal(b.Bytes(), &got)
			case "jsonl":
				got = make([]agentJSON, 1)
				err = json.NewDecoder(&b).Decode(&got[0])
			default:
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []string{got[0].Namespace, *got[0].Grove, got[0].Name, *got[0].Pod, got[0].Message, *got[0].Container} {
				if g != want {
					t.Errorf("%q is read back", g)
				}
			}
		})
	}
}
