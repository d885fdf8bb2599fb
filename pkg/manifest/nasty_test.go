package manifest

import (
	"slices"
	"strings"
)

// nasty are strings that a YAML writer can get wrong, by the reason why.
var nasty = map[string][]string{
	"are booleans in YAML 1.1": {
		"y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF",
		"true", "True", "TRUE", "false", "False", "FALSE",
	},
	"look like booleans but are none": {"yEs", "tRUE", "yess", "nope", "onn", "truey", "Y ", "yes\n"},
	"are null":                        {"", "~", "null", "Null", "NULL"},
	"look like null":                  {"nUll", "~~", "nullable", "nil", "None"},
	"are integers": {
		"0", "1", "-1", "+1", "123", "012", "0o14", "0O14", "08", "0x1F", "0X1f", "-0x1F", "0b101", "-0b101", "0b-1", "0b+1", "0B1",
		"1_000", "1__0", "0_7", "0x_1", "9223372036854775807", "9223372036854775808", "18446744073709551615",
		"18446744073709551616", "-9223372036854775809", "0xffffffffffffffff", "0x10000000000000000", "-0", "+0", "00", "0_",
	},
	"look like integers": {"1a", "0x", "0b", "0o8", "0b2", "--1", "+-1", "1-1", "_1", "1,000", "1 000", "0xg", "-", "+", "-x", "0x1_"},
	"are floats": {
		"1.0", "1.", ".5", "-.5", "+.5", "1e3", "1E3", "1e+3", "1e-3", "1.5e3", "12e03", "-2E+05", "685.230_15e+03", "1_0.5",
		".inf", ".Inf", ".INF", "-.inf", "+.Inf", ".nan", ".NaN", ".NAN", "1e308", "0.1e-400", "1_e3", ".5e3",
	},
	"look like floats": {
		".", "..", "...", ". ", ".e3", "1e", "1e+", "1.2.3", "v1.2", "1.2.3.4", "1e400", "-1e999", ".iNf", "-.nan", "inf", "NaN",
		"+.nan", "._5", ".5_0", ".0x1", "1e5x", "infinity", "0x1p-2", ".1e999", "-.1e999",
	},
	"are numbers to the base 60": {"12:30:45", "1:30", "-1:30", "190:20:30", "190:20:30.15", "1_0:59", "+1:5", "0:0", "1:2."},
	"look like base 60":          {"12:60", "1:2:3:", "1:", ":1", "12:345", "10.0.0.1:80", "host:80", "_1:2", "+_1:2", "1:2.x", "1:5a"},
	"are dates": {
		"2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43Z", "2001-12-14 21:59:43.10", "2001-01-01 1:2:3",
	},
	"look like dates":      {"2001-13-01", "2001-01", "2001-", "01-01-2001", "2001-12-14 21:59:43.10 -5", "20010-01-01", "2001-02-30"},
	"mean something alone": {"=", "<<", "-", "?", ":", "|", ">", "!", "&", "*", "%", "@", "`", "#", ",", "[", "]", "{", "}", "'", "\"", "\\"},
	"start with an indicator": {
		"- a", "-a", "-- a", "? a", "?a", ": a", ":a", "| a", "> a", "!a", "!!str a", "&a b", "*a", "%a", "%YAML 1.1", "@a", "`a`", "#a", "# a",
		", a", "[a]", "[", "{a: b}", "{}", "{{ .x }}", "'a'", "\"a\"", "'", "\"a", "-\ta", "?\ta", "---", "--- a", "---a", "...", "... a", "-", "=a", "<<a",
	},
	"have an indicator inside": {
		"a: b", "a:b", "a:", "a :b", "a #b", "a#b", "a# b", "a, b", "a [b]", "a {b}", "a'b", "it's", "a\"b", "a\\b", "a: ", "a:\tb", "a & b", "a * b", "$(a)", "${a}",
		"sh -c 'x'", "a? b", "http://a/b?c=d&e=f#g", "k: 'it''s'", "a: \"b\"",
	},
	"have spaces at the ends": {" ", "  ", " a", "a ", "  a", "a  ", " a ", "a  b", " #", "- ", " : "},
	"have tabs":               {"\t", "\ta", "a\t", "a\tb", "a \tb", "a\t b", "a\n\tb", "a:\t", "\t\n"},
	"have line feeds": {
		"\n", "\n\n", "a\n", "a\n\n", "a\n\n\n", "\na", "\n\na", "a\nb", "a\nb\n", "a\n\nb", "a\n b", " a\nb", "a \nb", "a\nb ", "a\n ", "a\n \nb", "\n a", "\n ",
		"- a\n- b\n", "# a\nb", "yes\nno", "1\n2", "a: b\nc: d\n", "#!/bin/sh\nset -eu\nexec \"$@\"\n", "a\n---\nb\n", "a\n...\n", "'a'\n", "a\n\nb\n\n",
	},
	"have other line ends": {
		"\r", "a\r", "a\rb", "a\r\nb", "a\r\n", "\r\n", "a\n\rb", "\u2028", "a\u2028", "\u2028a", "a\u2028b", "a\u2029b", "a \u2028b", "a\u2028 b", "a\nb\u2028", "a\u2028\nb", "a\n\u2028",
		"\u2028\u2029", "it's\u2028it's", "a\u2028\u2028b c", "a\u2028b\u2028", "a\n\u2028\u2028b", "\u2028\n",
	},
	"have control characters that are escaped": {"\x00", "a\x00b", "\x01", "\a\b\v\f\x1b", "a\x1b[31mb", "\x1f", "a\x0bb"},
	"sigs refuses": {
		"\x7f", "a\x7fb", "\u0080", "a\u0080b", "a\u009fb", "\u0086", "\ufffe", "a\uffffb", "yes\x7f",
	},
	"sigs corrupts":            {"\u0085", "a\u0085b", "a \u0085 b", "a\n\u0085b"},
	"are not UTF-8":            {"\xff", "a\xffb", "\xc3", "a\xe2\x80", "\xed\xa0\x80", "\xc0\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98", "é\xff"},
	"have the byte order mark": {"\ufeff", "\ufeffa", "a\ufeff", "a\ufeffb", "\ufeff a b", "\ufeff\n", "\ufeffé\u00a0\u2028"},
	"are beyond ASCII": {
		"é", "ü ber", "日本語", "日本語: テスト", "e\u0301", "\u200b", "a\u200bb", "\u200d", "\u00a0", "a\u00a0b", "\u00ad", "\u3000", "\ufffd", "a\ufffdb", "\ue000", "\ufdd0", "\ud7ff",
		"שלום", "\u202eabc", "\u2026", "‘a’", "é: b", "#é", "é #b", "٣", "½",
	},
	"are beyond the basic plane": {"😀", "a😀b", "👩‍👩‍👧", "𝒳 y", "a\n😀\n", "\U0010ffff", "\U0001fffe", "😀 " + strings.Repeat("word ", 20) + "end"},
	"fold, or just do not": {
		strings.Repeat("a", 79), strings.Repeat("a", 81), strings.Repeat("a", 300), strings.Repeat("a", 80) + " b", strings.Repeat("a", 78) + " b c",
		strings.Repeat("a", 81) + "  b c", strings.Repeat("ab ", 40) + "c", strings.Repeat("ab  ", 40) + "c", strings.Repeat("é ", 60) + "c", strings.Repeat("a", 77) + " b c d e f",
		strings.Repeat("a", 76) + " b c d e f", strings.Repeat("a", 75) + " b c d e f", strings.Repeat("a", 74) + " b c d e f",
		"'" + strings.Repeat("it's ", 30) + "'", ": " + strings.Repeat("b ", 60), strings.Repeat("a ", 60) + "# c", "\t" + strings.Repeat("b ", 60), "\t" + strings.Repeat("b  ", 60),
		"\t" + strings.Repeat("é   ", 60) + "c", "😀 " + strings.Repeat("b ", 60) + "😀", strings.Repeat("\"\\ ", 40) + "\t", "'" + strings.Repeat("日本 ", 40), strings.Repeat("long line ", 20) + "\nb",
		" " + strings.Repeat("b ", 60) + "c", strings.Repeat("word: word ", 20), strings.Repeat("a", 90) + " \tb", strings.Repeat("'", 50) + " b c", "# " + strings.Repeat("a", 90) + "\u2028" + strings.Repeat("b c ", 40) + "d",
	},
	"are long as keys": {strings.Repeat("k", 128), strings.Repeat("k", 129), strings.Repeat("k l ", 40) + "k", strings.Repeat("é", 64), strings.Repeat("é", 65), strings.Repeat("\t", 129), "'" + strings.Repeat("k ", 70) + "k"},
	"are names and values as pods have them": {
		"app.kubernetes.io/name", "nvidia.com/gpu", "/workspace", "500m", "10Gi", "1.5", "-c", "--flag=a", "https://a.b:8443/c?d=e", "ghcr.io/a/b:v1@sha256:3f2a", "3f2a9c1e-77b4-4b0a-9a3f-5f0c1d2e3b4a",
		"20240101", "1.2.3", "8h", "10:30", "while [ ! -f /tmp/x ]; do sleep 0.2; done; exec \"$@\"", "$(VAR)", "a@b.c", "*.b.c", "(a)", "a;b", "a|b", "a>b", "~/x", "1st", "12e3456", "0123456789abcdef", "123e4567", "1e1000000",
	},
}

// nastyStrings are all of nasty.
func nastyStrings() []string {
	var all []string
	for _, list := range nasty {
		all = append(all, list...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// carried are the nasty strings that go through sigs.k8s.io/yaml unharmed.
func carried() []string {
	return slices.DeleteFunc(nastyStrings(), func(s string) bool {
		_, err := judge(map[string]any{s: s})
		return err != nil
	})
}
