package chferry_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

func TestCheckExpression(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"toYYYYMM(day)":                        "",
		"created + INTERVAL 1 YEAR DELETE":     "",
		"(a, b - -1, [1, 2][1], '); --', a/b)": "",
		"'it\\'s', `a``b`, \"c;\"":             "",
		"":                                     "is empty",
		" ":                                    "is empty",
		"a); DROP TABLE b":                     "a ) that closes nothing",
		"f(a":                                  "a ( that is not closed",
		"f(a]":                                 "a ] that closes nothing",
		"a; b":                                 "has a ';'",
		"a -- b":                               "a comment",
		"a /* b":                               "a comment",
		"a # b":                                "has a '#'",
		"a\x00":                                `has a '\x00'`,
		"'a":                                   "a quote that is not closed",
		"'a\\'":                                "a quote that is not closed",
	} {
		err := chferry.CheckExpression(text)
		if (err == nil) != (want == "") || err != nil &&
			(!strings.Contains(err.Error(), want) || chferry.CodeOf(err) != chferry.CodeConfiguration) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
