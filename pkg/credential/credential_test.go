package credential

import "testing"

func TestHide(t *testing.T) {
	for _, c := range []struct{ why, text, want string }{
		{"nothing to hide", "exec claude --model opus", "exec claude --model opus"},
		{"a known form hides all", "echo ghp_0123456789012345678901234567890123456789", "<redacted, 49 bytes>"},
		{"a private key has lines that no form has", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n", "<redacted, 59 bytes>"},
		{"user and password of a URL", "https://bot:hunter2@git.example.com/x", "https://<redacted, 11 bytes>@git.example.com/x"},
		{"a token as the user of a URL", "https://0123456789abcdef0123@git.example.com/x", "https://<redacted, 20 bytes>@git.example.com/x"},
		{"a port and a path are none", "https://git.example.com:8080/a@b", "https://git.example.com:8080/a@b"},
		{"an assignment", "DB_PASSWORD=hunter2 run", "DB_PASSWORD=<redacted, 7 bytes> run"},
		{"JSON", `{"apiKey": "hunter2", "a": "b"}`, `{"apiKey": "<redacted, 7 bytes>", "a": "b"}`},
		{"a flag and its value", "run --api-key hunter2 --fast", "run --api-key <redacted, 7 bytes> --fast"},
		{"a header", "Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer <redacted, 16 bytes>"},
		{"a reference to a variable is none", "run --token $TOKEN --api-key=$(KEY)", "run --token $TOKEN --api-key=$(KEY)"},
		{"a path is none", "--token /var/run/token", "--token /var/run/token"},
	} {
		t.Run(c.why, func(t *testing.T) {
			got, hidden := Hide(c.text)
			if got != c.want || (hidden > 0) != (got != c.text) {
				t.Errorf("%q, %d bytes hidden; want %q", got, hidden, c.want)
			}
		})
	}
}

func TestField(t *testing.T) {
	for _, c := range []struct {
		why, name, text string
		want            bool
	}{
		{"a variable", "GITHUB_TOKEN", "hunter2", true},
		{"camel case", "apiKey", "hunter2", true},
		{"with dashes", "client-secret", "hunter2", true},
		{"a flag", "--auth-token", "hunter2", true},
		{"a file", ".npmrc", "hunter2", true},
		{"a key file", "tls.key", "hunter2", true},
		{"a switch is none", "automountServiceAccountToken", "false", false},
		{"the name of a thing is none", "monkey", "hunter2", false},
		{"where a token is, is none", "TOKEN", "/var/run/token", false},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := Field(c.name, c.text); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// Named is stricter: names of variables alone.
func TestNamed(t *testing.T) {
	if !Named("API_KEY", "hunter2") || Named("apiKey", "hunter2") || Named("API_KEY", "") {
		t.Error("Named takes names of variables, and values that are some")
	}
}
