package manifest

import (
	"strings"
	"testing"
)

func TestFromJSON(t *testing.T) {
	const text = `{"b":[1.50,-0,"\u003c",null,true,{}],"a":{"c":[]}}`
	n, err := FromJSON([]byte(" " + text + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(AppendJSON(nil, n)); got != text {
		t.Errorf("got %s; want %s: fields in order and numbers as they are", got, text)
	}
}

func TestFromJSONRefuses(t *testing.T) {
	for why, text := range map[string]string{
		"nothing":                 "",
		"a key twice":             `{"a":1,"a":2}`,
		"two values":              `{} {}`,
		"rest after the value":    `{}]`,
		"end too soon":            `{"a":[1,`,
		"a key that is no string": `{1:2}`,
		"not UTF-8":               "\"\xff\"",
		"deeper than the stack":   strings.Repeat("[", 1e6),
	} {
		if n, err := FromJSON([]byte(text)); err == nil {
			t.Errorf("%s: got %s", why, AppendJSON(nil, n))
		}
	}
}
