package main_test

import (
	"strings"
	"testing"
)

// TestTwoInstallations: two chferries on one Redis have an import key of one name. The second is
// told so before it claims, drops or accepts anything, and by a prefix of its own it gets a queue
// of its own.
func TestTwoInstallations(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	s.exec("INSERT INTO users VALUES (1, 'a', NULL, 1, true, now(), NULL)")
	s.must("register", s.key, "insert", "1")
	s.start("worker")
	s.must("sync", s.key, "--wait")
	s.must("register", s.key, "insert", "2", "3")

	text := s.config()
	for what, change := range map[string]struct{ from, to string }{
		"id_prefix": {"id_prefix: e2e", "id_prefix: other-e2e"},
		"namespace": {"temporal: {", "temporal: {namespace: other, "},
		"table":     {"destination: {table: ", "destination: {table: other_"},
	} {
		s.write("chferry.yaml", strings.Replace(text, change.from, change.to, 1))
		words := []string{s.key + " in Redis", "belongs to another chferry", "redis.prefix"}
		if what != "namespace" { // which does not exist, as apply finds first
			s.fails(2, words, "apply")
			s.fails(2, words, "apply", "--accept-source", s.key)
		}
		s.fails(2, words, "register", s.key, "update", "1")
		s.fails(2, words, "flush", s.key, "--yes")
		s.fails(2, words, "failed", "retry", s.key)
		s.fails(2, words, "failed", "discard", s.key)
		s.write("chferry.yaml", text)
	}
	if got := s.status(s.key); got.Pending != 2 {
		t.Fatalf("%d operations are pending, want the 2 that were registered", got.Pending)
	}

	s.write("chferry.yaml", strings.Replace(text, "redis: {", "redis: {prefix: other, ", 1))
	if got := s.status(s.key); got.Pending != 0 {
		t.Fatalf("%d operations are pending under another prefix", got.Pending)
	}
	s.must("flush", s.key, "--yes")
	s.write("chferry.yaml", text)

	s.edit("id_prefix: e2e", "id_prefix: moved-e2e")
	if out := s.must("apply", "--take-over", s.key); !strings.Contains(out, "take over import "+s.key) {
		t.Fatalf("apply says %s", out)
	}
	s.must("flush", s.key, "--yes")
}
