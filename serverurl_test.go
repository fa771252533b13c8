package chferry_test

import (
	"net/url"
	"testing"

	"github.com/chferry/chferry"
)

func TestCleanURL(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"postgres://h:5432/shop":                       "postgres://h:5432/shop",
		"postgres://app:pw@h:5432/shop?sslmode=prefer": "postgres://app:pw@h:5432/shop?sslmode=prefer",
		"postgres://app:x@hunter2@h:5432/shop":         "postgres://app:x%40hunter2@h:5432/shop",
		"redis://:a:b[c ]@h1:1,h2:2/0":                 "redis://:a%3Ab%5Bc%20%5D@h1:1,h2:2/0",
		"http://a@b:c%40@h":                            "http://a%40b:c%40@h",
		"clickhouse://app:100%@h":                      "",
		"clickhouse://app:100%25@h":                    "clickhouse://app:100%25@h",
		"sqlite:/a@b/c@d.db":                           "sqlite:/a@b/c@d.db",
		"":                                             "",
		"postgres://app:12/x@hunter2@h:5432/shop":      "",
		"postgres://app:12?x@h/shop":                   "",
		"postgres://app:#x@h/shop":                     "",
		"postgres://app:12/x@h":                        "",
		"redis://h/0?x=a@b":                            "",
	} {
		got, ok := chferry.CleanURL(raw)
		if got != want || ok != (want != "" || raw == "") {
			t.Errorf("%s: got %q, %t, want %q", raw, got, ok, want)
		}
	}
}

// FuzzCleanURL: whatever a URL holds, what is taken for its host has no @ in it.
func FuzzCleanURL(f *testing.F) {
	f.Add("app:x@hunter2@h:5432/shop")
	f.Fuzz(func(t *testing.T, rest string) {
		clean, ok := chferry.CleanURL("postgres://" + rest)
		if u, err := url.Parse(clean); ok && err == nil {
			for _, c := range u.Host + u.Path {
				if c == '@' {
					t.Errorf("%q is read as %q and %q", clean, u.Host, u.Path)
				}
			}
		}
	})
}
