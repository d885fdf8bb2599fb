package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/scion-gen/scion-gen/pkg/diff"
	"github.com/scion-gen/scion-gen/pkg/manifest"
)

type object = map[string]any

// The alphabets of secrets: what a machine makes, what a person makes, and all
// that can be typed.
const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	wordy   = letters + digits + "+/_.-=~!#%@^*:?"
	typed   = wordy + ` "'\&;,|<>()[]{}` + "`$"
)

// secrets makes objects with secrets, and remembers these. Choices are of one
// source and secrets of another, so that two objects can differ in their secrets
// alone.
type secrets struct {
	*rand.Rand
	values  *rand.Rand
	sizes   *rand.Rand
	planted []string
}

func (s *secrets) of(alphabet string, least int) string {
	b := []byte{letters[s.values.IntN(len(letters))]}
	for range least + s.sizes.IntN(24) {
		b = append(b, alphabet[s.values.IntN(len(alphabet))])
	}
	// So that it is no word, and no end is trimmed.
	b = append(b, digits[s.values.IntN(10)], letters[s.values.IntN(26)], letters[26+s.values.IntN(26)])
	s.planted = append(s.planted, string(b))
	return string(b)
}

func (s *secrets) digits() string {
	secret := fmt.Sprint(100000 + s.values.IntN(900000))
	s.planted = append(s.planted, secret)
	return secret
}

func pick[T any](s *secrets, of ...T) T { return of[s.IntN(len(of))] }

func asJSON(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(out.String())
}

func asYAML(v any) string {
	out, err := yaml.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

var secretNames = []string{"password", "apiKey", "api_key", "clientSecret", "accessToken", "Api-Key", "DB_PASS", "APP_PWD", "KEY_PASSPHRASE",
	"GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "privateKey", "PGPASSWORD", "authToken", "APP_CREDENTIALS", "APP_DSN", "connectionString"}

// secretObject is a Secret, or something that one is made of.
func (s *secrets) secretObject() object {
	value := s.of(typed, 5)
	data := pick(s,
		object{"stringData": object{"k": value}},
		object{"data": object{"k": base64Of(value)}},
		object{"data": object{"k": value}},
		object{"data": object{"k": []any{value}}},
		object{"data": object{"k": object{"k": value}}},
		object{"stringData": object{"k": object{value: "x"}}},
		object{"data": value},
		object{"stringData": []any{value}},
		object{"data": object{"k": base64Of(value)}, "stringData": object{"other": "same"}},
	)
	plain := object{"kind": "Secret"}
	maps.Copy(plain, data)
	template := object{"k": value}
	return pick(s,
		with(plain, "apiVersion", "v1"), plain, with(plain, "apiVersion", "example.com/v1"), with(with(plain, "kind", "secret"), "apiVersion", "v1"),
		object{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": object{"template": object{"data": template}}},
		object{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "spec": object{"target": object{"template": object{"data": template}}}},
		object{"apiVersion": "isindir.github.com/v1alpha3", "kind": "SopsSecret", "spec": object{"secretTemplates": []any{object{"name": "a", "stringData": template}}}},
		object{"apiVersion": "example.com/v1", "kind": "Bundle", "spec": object{"resources": []any{object{"template": with(plain, "apiVersion", "v1")}}}},
		object{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "secretGenerator": []any{object{"name": "a", "literals": []any{"k=" + value}}}},
	)
}

func with(o object, key string, value any) object {
	out := maps.Clone(o)
	out[key] = value
	return out
}

// text is a text with a secret in it.
func (s *secrets) text() string {
	switch s.IntN(16) {
	case 0:
		return pick(s, "PGPASSWORD=", "export API_KEY=", "run --token ", "run --password=", "run --api-key=", "helm x --set auth.password=") + s.of(wordy, 4) + " next"
	case 1:
		return "DB_PASSWORD='" + strings.ReplaceAll(s.of(typed, 4), "'", `'\''`) + "' run"
	case 2:
		user := pick(s, "bot", "", "x-access-token")
		return "see " + pick(s, "https", "postgres", "redis") + "://" + user + ":" + s.of(wordy, 4) + "@db.example.com/x next"
	case 3:
		return "curl -u bot:" + s.of(wordy, 4) + " https://example.com"
	case 4:
		return pick(s, "Authorization: Bearer ", "Authorization: ", "X-Api-Key: ", "Send Bearer ") + s.of(letters+digits+"+/_.-=", 10)
	case 5:
		return "curl -H 'Authorization: Basic " + base64Of("bot:"+s.of(typed, 4)) + "' https://example.com"
	case 6:
		return asJSON(object{"port": 80, "a": object{pick(s, secretNames...): s.of(typed, 4)}, "z": "end"})
	case 7:
		return asJSON(object{"a": asJSON(object{"port": 80, pick(s, secretNames...): s.of(wordy, 4)}), "z": "end"})
	case 8:
		return asYAML(object{"port": 80, "a": object{pick(s, secretNames...): s.of(typed, 4)}, "z": "end"})
	case 9:
		return asYAML(object{"port": 80, pick(s, "password", "apiKeys", "tokens-and-password"): []any{s.of(typed, 4), s.of(wordy, 4)}})
	case 10:
		return "machine example.com login bot password " + s.of(wordy, 4) + "\n"
	case 11:
		return pick(s, "sk-ant-api03-", "ghp_", "npm_", "hf_", "sk-") + s.of(letters+digits, 40)
	case 12:
		return "-----BEGIN " + pick(s, "", "RSA ", "OPENSSH ") + "PRIVATE KEY-----\n" + s.of(letters+digits+"+/", 60) + "\n-----END PRIVATE KEY-----\n"
	case 13:
		return "Server=db;Password=" + s.of(letters+digits+"+/_.-!#%@^*:?", 4) + ";Database=web"
	case 14:
		return asJSON(object{"auths": object{"ghcr.io": object{"auth": base64Of("bot:" + s.of(typed, 4))}}})
	}
	return pick(s, asYAML, asJSON)(s.secretObject())
}

// holder is an object with a secret somewhere in it.
func (s *secrets) holder() object {
	if s.IntN(4) == 0 {
		return s.secretObject()
	}
	name, text := pick(s, secretNames...), s.text()
	if s.IntN(8) == 0 {
		text = base64Of(text)
	}
	container := object{"name": "a", "image": "i"}
	pod := object{"apiVersion": "v1", "kind": "Pod", "spec": object{"containers": []any{container}}}
	switch s.IntN(9) {
	case 0:
		container["env"] = []any{object{"name": name, "value": pick(s, s.digits, func() string { return s.of(typed, 4) })()}}
	case 1:
		container["env"] = []any{object{"name": "TEXT", "value": text}}
	case 2:
		container["command"] = []any{"sh", "-c", text}
	case 3:
		container["args"] = []any{"run", pick(s, "--token", "--api-key", "--db-password"), s.of(typed, 4), "end"}
	case 4:
		pod["metadata"] = object{"annotations": object{pick(s, "kubectl.kubernetes.io/last-applied-configuration", "example.com/note"): text}}
	case 5:
		return object{"apiVersion": "v1", "kind": "ConfigMap", "data": object{pick(s, "a.conf", "b"): text}}
	case 6:
		return object{"apiVersion": "example.com/v1", "kind": "Tool", "spec": object{name: s.of(typed, 4), "list": []any{object{"key": name, "value": []any{s.of(typed, 4)}}}}}
	case 7:
		return object{"apiVersion": "example.com/v1", "kind": "Tool", "spec": object{name: object{"value": s.of(typed, 4)}, "url": "https://u:" + s.of(wordy, 4) + "@h/"}}
	case 8: // as a key, and as a name
		container["env"] = []any{object{"name": "sk-" + s.of(letters+digits, 30), "value": text}}
		return object{"apiVersion": "example.com/v1", "kind": "Tool", "spec": object{"a": object{"password=" + s.of(wordy, 4): "x"}, "b": container}}
	}
	return pod
}

func withName(o object, name string) object {
	meta, _ := o["metadata"].(object)
	return with(o, "metadata", with(object{"annotations": meta["annotations"]}, "name", name))
}

// leaked is a secret, or six bytes of one, that is in an output as it is or
// encoded; empty if none is.
func leaked(out string, planted []string) string {
	for _, secret := range planted {
		quoted := asJSON(secret)
		for _, form := range []string{secret, quoted[1 : len(quoted)-1], url.QueryEscape(secret), base64Of(secret), base64Of("bot:" + secret)} {
			size := min(6, len(form))
			if strings.HasPrefix(form, base64Of("bot:")[:4]) || form != secret && form != quoted[1:len(quoted)-1] {
				size = min(10, len(form))
			}
			for i := 0; i+size <= len(form); i++ {
				if strings.Contains(out, form[i:i+size]) {
					return secret
				}
			}
		}
	}
	return ""
}

// writers are all formats.
var writers = map[string]func(io.Writer, *diff.Report) error{
	"text":     func(w io.Writer, r *diff.Report) error { return Text(w, r, TextOptions{}) },
	"colour":   func(w io.Writer, r *diff.Report) error { return Text(w, r, TextOptions{Color: true}) },
	"markdown": func(w io.Writer, r *diff.Report) error { return Markdown(w, r, wholeComment) },
	"html":     HTML,
	"json":     JSON,
	"sarif":    SARIF,
	"github":   GitHub,
	"junit":    JUnit,
}

// sides are two objects that differ in their secrets, as files.
func (s *secrets) sides(seed uint64) [2]string {
	var out [2]string
	for i := range out {
		s.Rand = rand.New(rand.NewPCG(seed, 1))
		s.values = rand.New(rand.NewPCG(seed, 2+uint64(i)))
		if s.sizes = s.Rand; seed%2 == 0 {
			s.sizes = s.values // another length, too
		}
		name := "subject"
		o := s.holder()
		if i > 0 && s.IntN(4) == 0 {
			name = "renamed"
		}
		out[i] = asYAML(withName(o, name))
	}
	other := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"
	switch s.IntN(6) {
	case 0:
		out[0] = other
	case 1:
		out[1] = other
	case 2:
		for i := range out {
			list := func(item string) string {
				return "apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(item), "\n", "\n  ") + "\n"
			}
			out[i] = list(list(out[i]))
		}
	}
	return out
}

// Wherever a secret is planted, no format shows it or a part of it, changed,
// new, deleted, renamed or stopped by a gate; and that it changed is seen.
func TestSecretsNeverShow(t *testing.T) {
	gate, err := diff.NewGate([]string{"in-place", "recreate", "delete", "new", "renamed", "security"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(1000) {
		s := &secrets{}
		sides := s.sides(seed)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					t.Logf("of\n%s\n%s", sides[0], sides[1])
				}
			}()
			var errs manifest.Errors
			report := diff.Compare(
				diff.Read("old", []diff.File{{Name: "old.yaml", Data: []byte(sides[0])}}, &errs),
				diff.Read("new", []diff.File{{Name: "new.yaml", Data: []byte(sides[1])}}, &errs), diff.Options{})
			if err := errs.Err(); err != nil {
				t.Fatal(err)
			}
			if len(report.Objects) == 0 {
				t.Fatal("no change")
			}
			report.Gate = gate.Check(report)
			for format, write := range writers {
				var out bytes.Buffer
				if err := write(&out, report); err != nil {
					t.Fatal(err)
				}
				if secret := leaked(out.String(), s.planted); secret != "" {
					t.Errorf("%s shows %s", format, secret)
				}
			}
			for _, o := range report.Objects {
				for _, e := range o.Edits {
					if e.Old != nil && e.New != nil && e.Old.Text == e.New.Text && e.Old.Kind == e.New.Kind {
						t.Errorf("%s reads the same on both sides: %s", e.Path, e.New.Text)
					}
				}
			}
		})
	}
}

// A document that cannot be read does not show what stands in it.
func TestSecretsNeverShowInMistakes(t *testing.T) {
	for seed := range uint64(300) {
		s := &secrets{Rand: rand.New(rand.NewPCG(seed, 1)), values: rand.New(rand.NewPCG(seed, 2)), sizes: rand.New(rand.NewPCG(seed, 3))}
		head := "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n"
		secret := s.of(letters+digits, 8)
		text := head + pick(s,
			"  k: *"+secret+"\n",
			"  k: &"+secret+" [*"+secret+"]\n",
			"  k: !"+secret+" x\n",
			"  k: !!int "+secret+"\n",
			"  k: !!binary "+secret+"=x\n",
			"  k: \""+secret+"\n",
			"  k: '"+secret+"\n  l: x\n",
			"  k: %"+secret+"\n",
			"  k: @"+secret+"\n",
			"  k: `"+secret+"\n",
			"  k: ["+secret+"\n",
			"  k: x: "+secret+"\n",
			"  k: "+secret+"\n "+secret+"\n",
			"  "+secret+"\n  x: y\n",
			"\t"+secret+": x\n",
			"  k: {<<: "+secret+"}\n",
			"  ? ["+secret+"]\n  : x\n",
			"  password="+secret+": x\n  password="+secret+": y\n",
			"  k: |"+secret+"\n",
			"---\n%"+secret+"\n---\n",
			"--- "+secret+"\n--- "+secret+"\n",
			"  k: x\n---\n"+strings.Replace(head, "{name: a}", "{name: password="+secret+"}", 1)+"---\n"+strings.Replace(head, "{name: a}", "{name: password="+secret+"}", 1),
			"  k: \"\\x"+secret+"\"\n",
		)
		var errs manifest.Errors
		side := diff.Read("old", []diff.File{{Name: "old.yaml", Data: []byte(text)}}, &errs)
		report := diff.Compare(side, diff.Read("new", nil, &errs), diff.Options{})
		var out bytes.Buffer
		if err := Text(&out, report, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := errs.Err(); err != nil {
			out.WriteString(err.Error())
		}
		if leaked(out.String(), s.planted) != "" {
			t.Errorf("%s\nshows %s:\n%s", text, secret, out.String())
		}
	}
}
