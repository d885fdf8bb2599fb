package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

type checked struct {
	Bool     bool                         `json:"bool,omitempty"`
	Int8     int8                         `json:"int8,omitempty"`
	Uint16   uint16                       `json:"uint16,omitempty"`
	Float    float64                      `json:"float,omitempty"`
	Text     string                       `json:"text,omitempty"`
	Enum     string                       `json:"enum,omitempty" enum:"Yes,No"`
	Short    string                       `json:"short,omitempty" format:"short"`
	Shorts   []string                     `json:"shorts,omitempty" format:"short"`
	Texts    map[string]string            `json:"texts,omitempty" keys:"short"`
	Bytes    []byte                       `json:"bytes,omitempty"`
	Time     metav1.Time                  `json:"time,omitempty"`
	Duration metav1.Duration              `json:"duration,omitempty"`
	Quantity resource.Quantity            `json:"quantity,omitempty"`
	Either   intstr.IntOrString           `json:"either,omitempty"`
	Volume   corev1.VolumeSource          `json:"volume,omitempty"`
	Nested   map[string]map[string]string `json:"nested,omitempty"`
	Needed   *struct {
		Here string `json:"here" required:"true"`
	} `json:"needed,omitempty"`
}

var shortTexts = Checker{Formats: map[string]func(string) string{"short": func(text string) string {
	if len(text) > 3 {
		return "too long; write 3"
	}
	return ""
}}}

func TestCheck(t *testing.T) {
	tests := []struct{ why, text, want string }{
		{"null is an absent field", "{bool: null, int8: ~, texts: null, needed: null, volume: {emptyDir: null}}", ""},
		{"texts may look like anything else", "texts: {a: y, b: 012, c: 1e3, d: true, e: 12:30:45, f: 2026-07-28, g: .inf}", ""},
		{"but not be nothing's like", "texts: {a: [b]}", "f:1:12: texts.a: is a list; want a string"},
		{"booleans of YAML 1.1", "bool: off", `f:1:7: bool: "off" is a string; write false`},
		{"booleans in capitals are booleans of the core schema", "bool: TRUE", ""},
		{"the largest that fits", "int8: 127", ""},
		{"one more", "int8: 128", "f:1:7: int8: 128 is out of range; want a number that fits int8"},
		{"the smallest that fits", "int8: -128", ""},
		{"no negative where there is no sign", "uint16: -1", "f:1:9: uint16: -1 is out of range; want a number that fits uint16"},
		{"octal of YAML 1.1", "int8: 010", "f:1:7: int8: 010 is not a decimal whole number; write 10, or 8 if it is octal"},
		{"a leading zero that cannot be octal", "int8: 018", "f:1:7: int8: 018 is not a decimal whole number; write 18"},
		{"octal of YAML 1.2", "int8: 0o10", "f:1:7: int8: 0o10 is not a decimal whole number; write 8"},
		{"binary", "int8: 0b11", "f:1:7: int8: 0b11 is not a decimal whole number; write 3"},
		{"a plus", "int8: +1", "f:1:7: int8: +1 is not a decimal whole number; write 1"},
		{"infinity is no whole number", "int8: .inf", "f:1:7: int8: .inf is not a decimal whole number"},
		{"a string for a number", "float: x", `f:1:8: float: "x" is a string; want a number`},
		{"a number for a string", "text: 1.10", `f:1:7: text: 1.10 is a number; want a string: write "1.10"`},
		{"near one of the values", "enum: yes", `f:1:7: enum: "yes" is not one of Yes, No; did you mean Yes?`},
		{"the format of a string", "short: long", "f:1:8: short: too long; write 3"},
		{"the format of items", "shorts: [abc, long]", "f:1:15: shorts[1]: too long; write 3"},
		{"the format of keys", "texts: {long: x}", "f:1:9: texts.long: too long; write 3"},
		{"not base64", "bytes: '%'", "f:1:8: bytes: is not base64"},
		{"base64", "bytes: aGk=", ""},
		{"a date is no time", "time: 2026-07-28", `f:1:7: time: "2026-07-28" is not a time; write it as 2006-01-02T15:04:05Z`},
		{"a time", "time: '2026-07-28T00:00:00Z'", ""},
		{"a duration without a unit", "duration: '5'", `f:1:11: duration: "5" is not a duration; write it as 1h30m or 45s`},
		{"a port or its name", "either: http", ""},
		{"a port too large", "either: 3000000000", "f:1:9: either: 3000000000 is out of range; want a number that fits int32"},
		{"neither a port nor its name", "either: [1]", "f:1:9: either: is a list; want a number or a string"},
		{"two members of a union", "volume: {emptyDir: {}, hostPath: {path: /}}", "f:1:24: volume.hostPath: cannot stand beside emptyDir; remove one of the two"},
		{"maps of maps", "nested: {a: b}", `f:1:13: nested.a: "b" is a string; want a mapping; write each as name: value`},
		{"missing below", "needed: {}", "f:1:9: needed.here: is missing; add here"},
		{"an unknown field far from all", "volume: {emptyDir: {colour: red}}", "f:1:21: volume.emptyDir.colour: unknown field; the fields are medium, sizeLimit"},
		{"a key that is no plain name", "texts: {a.b: [x]}", "f:1:14: texts[a.b]: is a list; want a string"},
	}
	for _, tt := range tests {
		t.Run(tt.why, func(t *testing.T) {
			var errs Errors
			shortTexts.Check(node(t, "f", tt.text), TypeFor[checked](), "", &errs)
			if diff := cmp.Diff(tt.want, errs.Error()); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tt.text, diff)
			}
		})
	}
}

// TestCheckNormalizes: what Check leaves is what JSON readers take.
func TestCheckNormalizes(t *testing.T) {
	n := node(t, "f", "{bool: TRUE, quantity: 0.5, texts: {a: 012, b: True, c: 1.0}}")
	var errs Errors
	shortTexts.Check(n, TypeFor[checked](), "", &errs)
	if err := errs.Err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"bool":true,"quantity":"500m","texts":{"a":"012","b":"True","c":"1.0"}}`, compact(n)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSuggestQuantity(t *testing.T) {
	for text, want := range map[string]string{
		"5oo m": "write 500m", "512 MB": "write 512M", "2GB": "write 2G", "4 GiB": "write 4Gi", "1,5Gi": "write 1.5Gi", "0100m": "write 100m",
		"2 cores": "write 2", "1_000": "write 1000", "500 mb": "write 500M", "8gi": "write 8Gi",
		"": "write a number and a unit, such as 500m or 2Gi", "lots": "write a number and a unit, such as 500m or 2Gi",
	} {
		if _, err := parseQuantity(text); err == nil {
			t.Errorf("%q is a quantity", text)
		}
		if got := suggestQuantity(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"template", "imagePullPolicy", "env", "task", "args"}
	for word, want := range map[string]string{
		"templte": "template", "tempalte": "template", "image_pull_policy": "imagePullPolicy", "IMAGEPULLPOLICY": "imagePullPolicy",
		"envs": "env", "enviroment": "", "tsak": "task", "": "", "x": "", strings.Repeat("template", 20): "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
