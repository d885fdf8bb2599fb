package credential

import (
	"strings"
	"testing"
)

// shapes are texts with a credential, which stands between « and » here, and
// texts that look alike and hold none. in says that the credential is sure.
var shapes = []struct {
	why, text string
	in        bool
}{
	// Forms hide the text as a whole.
	{"a GitHub token", "«echo ghp_0123456789012345678901234567890123456789»", true},
	{"a fine-grained GitHub token", "«github_pat_11ABCDEFG0123456789_abcdefghij»", true},
	{"a GitLab token", "«glpat-abcdefghij0123456789»", true},
	{"a deploy token of GitLab", "«gldt-abcdefghij0123456789»", true},
	{"a Slack token", "«xoxb-1234567890-abcdefghij»", true},
	{"a Slack webhook", "«https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnop»", true},
	{"an Anthropic key", "«sk-ant-api03-A1b2C3d4E5A1b2C3d4E5»", true},
	{"an OpenAI key", "«sk-proj-A1b2C3d4E5A1b2C3d4E5»", true},
	{"a Google key", "«AIzaSyA0123456789abcdefghijklmnopqrstuv»", true},
	{"a Google client secret", "«GOCSPX-abcdefghij0123456789ab»", true},
	{"an npm token", "«npm_abcdefghij0123456789abcdefghij012345»", true},
	{"a PyPI token", "«pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAwLTAwMDAtMDAwMC0wMDAw»", true},
	{"a key of AWS, also a temporary one", "«ASIAIOSFODNN7EXAMPLE»", true},
	{"a JSON web token", "«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl0123»", true},
	{"a private key has lines that no form has", "«-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n»", true},
	{"a private key of PGP", "«-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ»", true},
	{"a hashed password", "«admin:$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234»", true},
	{"the base64 of one", "«Z2hwXzAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODk=»", true},
	{"the base64 of a file with one", "«cGFzc3dvcmQ6IGh1bnRlcjIK»", true},
	{"a Secret", "«kind: Secret\nmetadata: {name: a}\ndata:\n  a: aHVudGVyMg==\n»", true},
	{"a Secret as JSON", `«{"kind":"Secret","stringData":{"a":"hunter2"}}»`, true},
	{"a Secret as JSON in JSON", `«{"x":"{\"kind\":\"Secret\",\"data\":{\"a\":\"aHVudGVyMg==\"}}"}»`, true},
	{"what a Secret is made of", "«kind: ExternalSecret\nspec:\n  target:\n    template:\n      data:\n        a: hunter2\n»", true},
	{"what kustomize makes one of", "«secretGenerator:\n- name: a\n  literals: [a=hunter2]\n»", true},
	{"an ExternalSecret that refers to others", "kind: ExternalSecret\nspec:\n  data:\n  - secretKey: a\n    remoteRef: {key: b}\n", false},
	{"what refers to a Secret holds none", "valuesFrom:\n- kind: Secret\n  name: keys", false},

	// URLs.
	{"user and password", "https://«bot:hunter2»@git.example.com/x", true},
	{"a password with slashes", "postgres://«app:hun/ter/2»@db/web", true},
	{"a password with an at sign", "postgres://«app:hun@ter2»@db/web", true},
	{"a password with both", "postgres://«app:hu/nt@er2»@db/web", true},
	{"a password with a quote", "postgres://«app:hun'ter2»@db/web", true},
	{"a password alone", "redis://«:hunter2»@cache:6379/0", true},
	{"a token as the user", "https://«0123456789abcdef0123»@git.example.com/x", true},
	{"one of two URLs", "http://a.example.com,http://«u:hunter2»@b.example.com", true},
	{"in JSON", `{"url":"https://«bot:hunter2»@git.example.com","mail":"me@example.com"}`, true},
	{"a parameter", "https://example.com/?a=b&access_token=«hunter2»&c=d", true},
	{"a signature", "https://x.blob.example.com/c?sv=2024&sig=«A1b2C3d4E5f6G7h8I9j0»", true},
	{"a port and a path", "https://git.example.com:8080/a@b", false},
	{"a user alone", "ssh://git@github.com/acme/web.git", false},
	{"a password from a variable", "postgres://app:$(PASSWORD)@db/web", false},
	{"an image by digest", "docker://registry:5000/a/b@sha256:0123456789abcdef", false},
	{"a data source", "«app:hunter2»@tcp(db:3306)/web", true},

	// Assignments.
	{"in a shell", "DB_PASSWORD=«hunter2» run", true},
	{"in a shell, quoted", "DB_PASSWORD='«hunter 2»' run", true},
	{"of six digits", "PGPASSWORD=«123456» psql", true},
	{"as an argument", `docker run -e "DB_PASS=«hunter 2»" x`, true},
	{"for helm", "helm install --set auth.user=bot,auth.password=«hunter2»,a.b=c", true},
	{"first of several, that could be its own", "helm install --set auth.password=«hunter2,auth.user=bot» x", true},
	{"for kubectl", "kubectl create secret generic x --from-literal=password=«hunter2»", true},
	{"in a file of variables", "USER=bot\nPASSWORD=«correct horse battery»\n", true},
	{"in properties", "db.password=«hunter 2»\n", true},
	{"in TOML", `password = "«hunter2»"`, true},
	{"in a connection string", "Server=db;Password=«hunter2»;Database=web", true},
	{"in a connection string of libpq", "host=db password=«hunter2» dbname=web", true},
	{"of Azure", "AccountName=a;AccountKey=«abcdefgh==»;EndpointSuffix=x", true},
	{"of npm", "//npm.example.com/:_authToken=«hunter2»", true},
	{"in headers of OpenTelemetry", "x-tenant=a,authorization=Basic «abc1»,x-b=c", true},
	{"JSON", `{"apiKey": "«hunter2»", "a": "b"}`, true},
	{"JSON, more names", `{"clientSecret":"«hunter2»","accessToken":"«hunter3»","pass":"«h»"}`, true},
	{"JSON, a number", `{"password": «123456», "port": 8080}`, true},
	{"JSON, escaped", `{"password": "«hun\"ter2»", "a": "b"}`, true},
	{"JSON in JSON", `{"a": "{\"password\": \"«hunter2»\", \"b\": 1}"}`, true},
	{"JSON, a list", `{"apiKeys": [«"hunter2", "hunter3"»]}`, true},
	{"a user and password of Docker", `{"auths":{"ghcr.io":{"auth":"«dXNlcjpwYXNzd29yZA==»"}}}`, true},
	{"YAML", "user: bot\npassword: «hunter2»\n", true},
	{"YAML, quoted", "password: '«it''s»'\n", true},
	{"YAML of several words", "password: «correct horse battery»\nport: 80", false},
	{"YAML, a comment", "password: «hunter2» # old\nport: 80", true},
	{"YAML, a block", "password: |\n  «hunter2»\nport: 80", true},
	{"YAML, the next line", "password:\n  «hunter2»\nport: 80", true},
	{"YAML, a list", "passwords:\n- «hunter2»\n- «hunter3»\nport: 80", true},
	{"YAML in braces", "{user: bot, password: «hunter2»}", true},
	{"a kubeconfig", "users:\n- name: a\n  user:\n    client-key-data: «LS0tLS1CRUdJTg==»\n    token: «hunter2»\n", true},
	{"netrc", "machine github.com login bot password «hunter2»", true},

	// Command lines and headers.
	{"a flag", "run --api-key «hunter2» --fast", true},
	{"a flag with a value", "run --password=«hunter2» --fast", true},
	{"a quoted value", "run --token '«hunter 2»' x", true},
	{"a list in JSON", `["run", "--token", "«hunter2»", "x"]`, true},
	{"a list in YAML", "- run\n- --token\n- «hunter2»\n", true},
	{"user and password of curl", "curl -u «bot:hunter2» https://example.com", true},
	{"the same of digits", "curl -u «bot:123456»", true},
	{"the same, quoted", `curl --user "«bot:hun ter2»" x`, true},
	{"the same as a list", `["curl", "-u", "«bot:hunter2»", "x"]`, true},
	{"a header", "Authorization: Bearer «abcdefghijklmnop1»", true},
	{"a header of curl", "curl -H 'Authorization: Basic «Ym90Omh1bnRlcjI=»' https://example.com", true},
	{"a header without a scheme", "curl -H 'X-Api-Key: «hunter2»' https://example.com", true},
	{"a header without a space", "curl -H X-Api-Key:«hunter2» https://example.com", true},
	{"a scheme alone", "send Bearer «abcdefgh1jklmnop» to it", true},

	// No credentials.
	{"nothing to hide", "exec claude --model opus", false},
	{"a reference to a variable", "run --token $TOKEN --api-key=$(KEY) --password ${PASSWORD} --secret \"$secret\"", false},
	{"a path", "--token /var/run/token", false},
	{"an image named like one", "ghcr.io/acme/token:v1", false},
	{"a digest", "ghcr.io/acme/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", false},
	{"a commit", "0123456789abcdef0123456789abcdef01234567", false},
	{"a UUID", "123e4567-e89b-42d3-a456-426614174000", false},
	{"a count", "TOKEN_LIMIT=4096 MAX_TOKENS=4096 run --max-tokens 4096 --max-token 4096", false},
	{"basic authentication", "basic authentication and bearer tokens are explained below", false},
	{"a user and group", "docker run -u 1000:1000 --user 0:0 -u app:1000 -u $(id -u):$(id -g) x", false},
	{"a certificate", "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n", false},
	{"a socket", "SSH_AUTH_SOCK=/run/agent.sock PASSWORD_FILE=/run/secrets/db", false},
	{"a helper of git", `git config credential.helper '!f() { echo username=x; echo "password=$GITHUB_TOKEN"; }; f'`, false},
	{"a template", "password: {{ .Values.password }}\ntoken: ${{ secrets.TOKEN }}\nsecret: <your secret>", false},
	{"a reference to a Secret", "secretKeyRef:\n  name: keys\n  key: anthropic\nsecretName: a\ntokenSecretRef: {name: x}", false},
	{"an ARN", "arn:aws:secretsmanager:eu-west-1:1:secret:name", false},
	{"a header of a reference", "Authorization: Bearer $(TOKEN)", false},
	{"a data source of references", "DB_DSN=app:$(PASSWORD)@tcp(db)/web", false},
	{"a date", "date -u '+%Y-%m-%dT%H:%M:%SZ' -u \"+%H:%M:%S\"", false},
	{"what a program prints", `printf '{"password": "%s"}'`, false},
	{"a list of mappings", "tokens-and-token:\n- {name: x}\n", false},
	{"a module and its version", "require example.com/basic v1.0.1", false},
	{"a flag without a value at the end of a line", "run --use-credentials \\\n  --fast", false},
	{"a value to fill in", "export API_KEY=<your key>\nSet OPENAI_API_KEY=sk-... and TOKEN=\"your-token\" or API_KEY=YOUR_API_KEY_HERE", false},
	{"a flag of a program that reads a file", "gh auth login --with-token < token.txt", false},
	{"a value to fill in that is not all", "API_KEY=«<your>hunter2»", true},
	{"a credential in Markdown", "set `TOKEN=«hunter2»` and `token: «hunter3»` and token: `«hunter4»`", true},
	{"a comparison", "if token == other || token != nil", false},
}

func TestShapes(t *testing.T) {
	for _, c := range shapes {
		t.Run(c.why, func(t *testing.T) {
			text := strings.NewReplacer("«", "", "»", "").Replace(c.text)
			var marked strings.Builder
			last := 0
			for _, s := range spans(text) {
				marked.WriteString(text[last:s.start] + "«" + text[s.start:s.end] + "»")
				last = s.end
			}
			marked.WriteString(text[last:])
			if marked.String() != c.text {
				t.Errorf("%s; want %s", marked.String(), c.text)
			}
			if got := In(text); got != c.in {
				t.Errorf("in %v, want %v", got, c.in)
			}
		})
	}
}

// Prose is hidden where it could be a credential, and refused nowhere.
func TestProse(t *testing.T) {
	for _, text := range []string{
		"Password: ask the operator",
		"The token: it is in the vault.",
		"Use --token or --password to log in.",
		"token = get_token()",
		"api_key = os.environ[\"KEY\"]",
		"token: process.env.TOKEN",
		"password: required",
		"`token = lexer.next_token()` and `password: str = Field(...)`",
		"apiKey: `process.env.API_KEY`",
		"--- PASS: TestTokens",
		"TOKEN=\"$(curl -s http://metadata/token)\"",
		"SERVICE_KEY=${KEY:-/tmp/key}",
	} {
		if In(text) {
			t.Errorf("%s: %+v", text, spans(text))
		}
	}
}

func TestHide(t *testing.T) {
	for _, c := range []struct {
		text, want string
		hidden     int
	}{
		{"https://bot:hunter2@git.example.com/x?token=abc", "https://<redacted, 11 bytes>@git.example.com/x?token=<redacted, 3 bytes>", 14},
		{"plain", "plain", 0},
	} {
		if got, hidden := Hide(c.text); got != c.want || hidden != c.hidden {
			t.Errorf("%q, %d bytes hidden; want %q, %d", got, hidden, c.want, c.hidden)
		}
	}
}

func TestNamed(t *testing.T) {
	for _, c := range []struct {
		why  string
		want bool
		name string
		text string
	}{
		{"a variable", true, "GITHUB_TOKEN", "hunter2"},
		{"a short value", true, "API_KEY", "x"},
		{"digits", true, "PIN_PASSWORD", "123456"},
		{"camel case", true, "apiKey", "hunter2"},
		{"camel case with an acronym", true, "githubAPIKey", "hunter2"},
		{"snake case", true, "api_key", "hunter2"},
		{"a header", true, "Api-Key", "hunter2"},
		{"with dashes", true, "client-secret", "hunter2"},
		{"as one word", true, "PGPASSWORD", "hunter2"},
		{"shortened", true, "DB_PASS", "hunter2"},
		{"shortened otherwise", true, "DB_PWD", "hunter2"},
		{"numbered", true, "DB_PASSWORD_2", "hunter2"},
		{"a passphrase", true, "KEY_PASSPHRASE", "hunter2"},
		{"credentials", true, "APP_CREDENTIALS", "hunter2"},
		{"a data source", true, "APP_DSN", "hunter2"},
		{"AWS", true, "AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"},
		{"that starts like a path", true, "AWS_SECRET_ACCESS_KEY", "/wJalrXUtnFEMIK7MDENGbPxRfiCY"},
		{"that starts like a variable", true, "DB_PASSWORD", "$ecret123"},
		{"a flag", true, "--auth-token", "hunter2"},
		{"a file", true, ".npmrc", "hunter2"},
		{"a key file", true, "tls.key", "hunter2"},
		{"a key of some service", true, "OPENAI_KEY", "Abcdefgh12345678"},

		{"a login", true, "-u", "bot:hunter2"},
		{"a header of a request", true, "Authorization", "Bearer hunter2"},

		{"a reference in a header", false, "Authorization", "Bearer $(TOKEN)"},
		{"references in headers", false, "OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a,authorization=Basic $(BASIC)"},
		{"a uid and a gid", false, "--user", "1000:1000"},
		{"a path of this directory", false, "TOKEN", "./token"},
		{"nothing", false, "API_KEY", ""},
		{"none", false, "TOKEN", "none"},
		{"a switch", false, "automountServiceAccountToken", "false"},
		{"a path", false, "TOKEN", "/var/run/token"},
		{"a path of credentials", false, "GOOGLE_APPLICATION_CREDENTIALS", "/var/run/secrets/google/key.json"},
		{"a reference", false, "TOKEN", "$(OTHER)"},
		{"a monkey", false, "MONKEY", "hunter2"},
		{"a monkey in small letters", false, "monkey", "hunter2"},
		{"a keyboard", false, "KEYBOARD", "hunter2"},
		{"a limit", false, "TOKEN_LIMIT", "4096"},
		{"a number of tokens", false, "MAX_TOKENS", "4096"},
		{"a most of tokens", false, "maxToken", "4096"},
		{"how long a token lasts", false, "tokenExpirationSeconds", "3600"},
		{"a socket", false, "SSH_AUTH_SOCK", "/run/agent.sock"},
		{"a file of a password", false, "PASSWORD_FILE", "/run/secrets/db"},
		{"the key of a Secret", false, "key", "anthropic"},
		{"the key of a taint", false, "key", "nvidia.com/gpu"},
		{"the name of a Secret", false, "secretName", "hunter2"},
		{"the name of one that exists", false, "existingSecret", "postgres"},
		{"a directory", false, "PWD", "workspace"},
		{"the directory before", false, "OLDPWD", "workspace"},
		{"a mode", false, "authorization", "RBAC"},
		{"a way to log in", false, "auth", "oauth2"},
		{"a public key", false, "PUBLIC_KEY", "hunter2"},
		{"a key's id", false, "KEY_ID", "hunter2"},
		{"a certificate", false, "ca.crt", "hunter2"},
	} {
		t.Run(c.why, func(t *testing.T) {
			if got := Named(c.name, c.text); got != c.want {
				t.Errorf("%s=%s: %v", c.name, c.text, got)
			}
		})
	}
}

func TestIsSecret(t *testing.T) {
	for kind, want := range map[string]bool{
		"Secret": true, "SealedSecret": true, "ExternalSecret": true, "SopsSecret": true, "secrets": true,
		"SecretStore": false, "SecretProviderClass": false, "ConfigMap": false, "": false,
	} {
		if got := IsSecret(kind); got != want {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

// Texts in which much is to be looked for cost no more than they are long: of
// the square of their length, the test would not end in time.
func TestHostile(t *testing.T) {
	parts := []string{
		"token=", `token="`, `key="`, "key=", "key='", "token: ", "token:\n", "api-keys: [", "token: [{", "A_TOKEN=x\n", "a_token=x\n", "TOKEN=true ",
		"://", "://a:", "a://b@c:", "://a:b@", "authorization: ", "dsn=$(X)", `dsn="`, "--token ", `--key "`, "-u a:", ")", "token=)", `\"token\": \"`,
		"kind: Secret ", "data: ", "bearer ", "machine a ", "?token=a&", "x.token.", "  token:\n   x\n", "token: |\n  x\n", `token='a'\''`, "token=''",
		"eyJ", "sk-", "-----BEGIN ", "cGFzc3dvcmQ6", "a:b@tcp",
	}
	const size = 1 << 17
	for _, part := range parts {
		all := strings.Repeat(part, size/len(part))
		for _, text := range []string{all, "token=" + all, all + strings.Repeat("x", size)} {
			if shown, hidden := Hide(text); (hidden > 0) != (shown != text) {
				t.Errorf("%q: %d bytes hidden", part, hidden)
			}
		}
	}
}
