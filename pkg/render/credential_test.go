package render_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/scion-gen/scion-gen/pkg/manifest"
	"github.com/scion-gen/scion-gen/pkg/render"
)

// places are settings that hold a secret, each as a function of it.
var places = []func(secret string) map[string]any{
	env("ANTHROPIC_API_KEY", "%s"),
	env("apiKey", "%s"),
	env("api_key", "%s"),
	env("DB_PASS", "%s"),
	env("DATABASE", "postgres://app:%s@db/web"),
	env("DATABASE_DSN", "app:%s@tcp(db:3306)/web"),
	env("EXTRA", "password=%s"),
	env("EXTRA", `{"port": 80, "clientSecret": "%s"}`),
	env("EXTRA", "port: 80\nserver:\n  accessToken: %s\n"),
	env("EXTRA", "machine example.com login bot password %s"),
	env("EXTRA", "Server=db;Password=%s;Database=web"),
	func(s string) map[string]any {
		return env("EXTRA", "%s")(base64.StdEncoding.EncodeToString([]byte("password: " + s)))
	},
	func(s string) map[string]any { return map[string]any{"env": map[string]any{"password=" + s: "x"}} },
	func(s string) map[string]any { return map[string]any{"env": map[string]any{"token=" + s: []any{s}}} },
	func(s string) map[string]any { return map[string]any{"args": []any{"run", "--api-key", s}} },
	func(s string) map[string]any { return map[string]any{"args": []any{"run", "--api-key=" + s}} },
	func(s string) map[string]any { return map[string]any{"args": []any{"curl", "-u", "bot:" + s}} },
	func(s string) map[string]any {
		return map[string]any{"task": "curl -H 'X-Api-Key: " + s + "' https://example.com"}
	},
	func(s string) map[string]any { return map[string]any{"task": "PGPASSWORD=" + s + " psql"} },
	func(s string) map[string]any { return map[string]any{"template": "run --token=" + s} },
	func(s string) map[string]any {
		return map[string]any{"image": "https://bot:" + s + "@registry.example.com/web"}
	},
	func(s string) map[string]any { return map[string]any{"token": s} },
	func(s string) map[string]any { return map[string]any{"model": []any{"password: " + s}} },
	func(s string) map[string]any {
		return map[string]any{"workspace": map[string]any{"git": map[string]any{"url": "https://bot:" + s + "@git.example.com/web.git"}}}
	},
	func(s string) map[string]any {
		file := map[string]any{"path": "tool.json", "text": `{"a": {"apiKeys": ["` + s + `"]}}`}
		return map[string]any{"home": map[string]any{"files": []any{file}}}
	},
	func(s string) map[string]any {
		file := map[string]any{"path": "secret.yaml", "text": "kind: Secret\nstringData:\n  a: " + s + "\n"}
		return map[string]any{"home": map[string]any{"files": []any{file}}}
	},
	pod(func(s string) any {
		return map[string]any{"metadata": map[string]any{"annotations": map[string]any{"example.com/api-token": s}}}
	}),
	pod(func(s string) any {
		return container(map[string]any{"env": []any{map[string]any{"name": "GITHUB_TOKEN", "value": s}}})
	}),
	pod(func(s string) any { return container(map[string]any{"command": []any{"run", "--password", s}}) }),
	pod(func(s string) any {
		header := map[string]any{"name": "Authorization", "value": "Bearer " + s}
		return container(map[string]any{"livenessProbe": map[string]any{"httpGet": map[string]any{"port": 80, "httpHeaders": []any{header}}}})
	}),
}

func env(name, format string) func(string) map[string]any {
	return func(secret string) map[string]any {
		return map[string]any{"env": map[string]any{name: fmt.Sprintf(format, secret)}}
	}
}

func pod(of func(string) any) func(string) map[string]any {
	return func(secret string) map[string]any { return map[string]any{"pod": of(secret)} }
}

func container(fields map[string]any) any {
	fields["name"] = "agent"
	return map[string]any{"spec": map[string]any{"containers": []any{fields}}}
}

// plain are secrets that no place needs to quote.
var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+/_.=~!#%^*?-]{6,40}[0-9][A-Za-z]$`)

// FuzzCredential: a secret, whatever it is, in whichever place and layer, is an
// error that says how to refer to it, and shows no part of it.
func FuzzCredential(f *testing.F) {
	for place := range places {
		f.Add(uint(place), "hunter2hunter2x")
	}
	alphabet := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/_.=~!#%^*?-"
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		secret := "s"
		for range 6 + rng.IntN(30) {
			secret += alphabet[rng.IntN(len(alphabet)):][:1]
		}
		f.Add(uint(seed), secret+"7z")
	}
	f.Fuzz(func(t *testing.T, place uint, secret string) {
		if !plain.MatchString(secret) {
			t.Skip()
		}
		spec := places[place%uint(len(places))](secret)
		document := map[string]any{"apiVersion": render.APIVersion, "kind": "Agent", "metadata": map[string]any{"name": "a"}, "spec": spec}
		switch place / uint(len(places)) % 3 {
		case 1:
			document["kind"] = "AgentTemplate"
		case 2:
			document = map[string]any{"apiVersion": render.APIVersion, "kind": "Fleet", "spec": map[string]any{"defaults": spec}}
		}
		config, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		out, err := renderFiles([]render.File{{Name: "fuzz.yaml", Data: config}})
		if err == nil {
			t.Fatalf("%s renders to\n%s", config, out)
		}
		if len(out) > 0 {
			t.Errorf("rendered beside an error:\n%s", out)
		}
		mistakes, _ := errors.AsType[manifest.Errors](err)
		if len(mistakes) == 0 || !strings.Contains(err.Error(), "looks like a credential; remove it and write secrets: [{name: ") {
			t.Errorf("%s: %v", config, err)
		}
		for _, form := range []string{secret, strings.ToUpper(secret), strings.ToLower(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			for i := range len(form) - 5 {
				if strings.Contains(err.Error(), form[i:i+6]) {
					t.Fatalf("%s: the error shows %s: %v", config, form[i:i+6], err)
				}
			}
		}
	})
}
