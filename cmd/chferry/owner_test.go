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
	for what, change := range map[string]struct{ from, to, differs string }{
		"id_prefix": {"id_prefix: e2e", "id_prefix: other-e2e", "if you have changed temporal.id_prefix, run"},
		"namespace": {"temporal: {", "temporal: {namespace: other, ", "Temporal namespace default, not other"},
		"table":     {"destination: {table: ", "destination: {table: other_", "destination.table says "},
	} {
		s.write("chferry.yaml", strings.Replace(text, change.from, change.to, 1))
		words := []string{s.key + " in Redis", "belongs to another chferry (", change.differs, "redis.prefix"}
		if what == "table" {
			words = []string{"import key " + s.key + " fills ClickHouse table ", change.differs, "--take-over " + s.key}
		}
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

// TestTableChanged: what an import reads or fills is another table than before. Each of the causes is told in its own
// words, and none of them is called another chferry.
func TestTableChanged(t *testing.T) {
	t.Parallel()
	s := setup(t, "  - {key: NAME-users, table: public.users}\n")
	s.must("apply")
	s.must("register", s.key, "insert", "1")
	s.exec("CREATE TABLE people (LIKE users INCLUDING ALL)")
	text := s.config()

	s.edit("public.users", "public.userz") // a slip
	s.failsAll(2, []string{"public.userz"}, "check")
	s.fails(2, []string{"fills ClickHouse table ", ".users, and now table (public.userz), whose name"},
		"register", s.key, "insert", "2")

	s.write("chferry.yaml", strings.Replace(text, "public.users}", "people, destination: {table: users}}", 1))
	s.fails(1, []string{"in the same database (", "put the former name back in table"}, "check")

	s.write("chferry.yaml", strings.Replace(text, "public.users}", "public.users, destination: {table: anew}}", 1))
	s.fails(2, []string{".users, and now destination.table says "}, "check")
	out := s.must("apply", "--take-over", s.key)
	if !strings.Contains(out, ".anew: rows that were synced before stay in ") {
		t.Errorf("apply says %s", out)
	}
}
