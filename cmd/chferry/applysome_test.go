package main_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

const badImports = twoImports + `
  - {key: NAME-gone, table: gone, destination: {table: gone}, schedule: {every: 1h}}
  - {key: NAME-other, table: other, destination: {table: other}, schedule: {every: 1h}}
`

// TestOneBadImportStopsNoOther: check and apply name each problem of each import; apply does what
// can be done for the others.
func TestOneBadImportStopsNoOther(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), badImports)
	gone, other := strings.Replace(s.key, "users", "gone", 1), strings.Replace(s.key, "users", "other", 1)
	s.edit("destination: {table: lines}",
		"columns: {exclude: [nothing], cast: {colour: String}}, destination: {table: lines}")
	words := []string{
		"has no table gone", "has no table other", `no column "nothing", which columns.exclude names`,
		`no column "colour", which columns.cast names`,
	}
	out := s.fails(2, words[2:3], "check")
	wantLines(t, out, "ok    import "+s.key, "FAIL  import "+s.lines()+": ", "FAIL  import "+gone+": ",
		"FAIL  import "+other+": ",
		"      no worker polls task queue ")
	for _, word := range words {
		if !strings.Contains(out, word) {
			t.Errorf("check does not say %q:\n%s", word, out)
		}
	}
	out = s.failsAll(2, words, "apply", "--dry-run")
	wantLines(t, out, "would create table test_", "would create schedule "+s.id(s.key))
	if got := s.tables(); len(got) > 0 {
		t.Fatalf("a dry run created %v", got)
	}
	out = s.failsAll(2, words, "apply")
	load := ": load the rows that public.users has with chferry backfill " + s.key + "\n"
	if !strings.Contains(out, load) {
		t.Errorf("apply does not say %q:\n%s", load, out)
	}
	wantLines(t, out, "create table test_", "create view test_", "create schedule "+s.id(s.key)+": every 1h",
		"restart worker and API: they read the configuration when they start")
	for _, key := range []string{s.lines(), gone, other} {
		if strings.Contains(out, key) {
			t.Errorf("apply did something for %s:\n%s", key, out)
		}
	}
	if got := s.tables(); len(got) != 2 {
		t.Errorf("ClickHouse has %v, want one table and its view", got)
	}

	s.exec(`CREATE TABLE gone (id int PRIMARY KEY); CREATE TABLE other (id int PRIMARY KEY)`)
	if out = s.must("apply", gone, other, "--dry-run"); strings.Contains(out, s.lines()) {
		t.Errorf("apply of two keys looks at others: %s", out)
	}
	out = s.must("apply", gone)
	if wantLines(t, out, "create table test_", "create schedule "+s.id(gone)); strings.Contains(out, other) {
		t.Errorf("apply of one key did something for another: %s", out)
	}
	if out = s.must("apply", gone, s.key); out != "nothing to change\n" {
		t.Errorf("the second apply says %q", out)
	}
}

// TestSourceChanged: check and a dry run know a table that was made anew, as the next sync does;
// apply accepts several at a time.
func TestSourceChanged(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), twoImports)
	s.must("apply")
	for range 2 { // check remembers nothing
		s.must("check")
	}
	for _, table := range []string{"users", "lines"} {
		s.exec(`CREATE TABLE new (LIKE ` + table + ` INCLUDING ALL); DROP TABLE ` + table +
			`; ALTER TABLE new RENAME TO ` + table)
	}
	words := []string{
		"import key " + s.key + ": public.users in database default is another table",
		"--accept-source " + s.key,
	}
	wantLines(t, s.fails(1, words, "check"), "FAIL  import "+s.key+": ", "FAIL  import "+s.lines()+": ")
	both := []string{words[0], "import key " + s.lines() + ": lines in database default is another table"}
	s.failsAll(1, both, "apply", "--dry-run")
	s.failsAll(1, both, "apply")
	s.failsAll(1, both[1:], "apply", "--accept-source", s.key)
	s.must("apply", s.key)
	s.failsAll(1, both[1:], "check")
	wantLines(t, s.must("apply", "--accept-source", "*", "--dry-run"), "would accept source lines of import "+s.lines())
	s.failsAll(1, both[1:], "check")
	stays := "; rows that were synced before stay as they are; chferry backfill " + s.lines() +
		" copies all that are there now\n"
	if out := s.must("apply", "--accept-source", "*"); strings.Count(out, "\n") != 1 || !strings.HasSuffix(out, stays) {
		t.Errorf("apply says %s, want one line for the source that changed", out)
	}
	s.must("check")
}

// TestRemovedKeyLeavesQueue: apply says what a removed key leaves behind, and flush drops it, after
// which nothing is left.
func TestRemovedKeyLeavesQueue(t *testing.T) {
	t.Parallel()
	s := setup(t, twoImports)
	s.must("apply")
	s.start("worker")
	s.must("register", s.lines(), "update", `["7", "41"]`)
	s.must("sync", s.lines(), "--wait") // from then on the key belongs to this installation
	s.must("register", s.lines(), "update", `["7", "42"]`)
	text := s.config()
	s.write("chferry.yaml", text[:strings.Index(text, "\n  - {key: "+s.lines())]+"\n")
	left := "1 operation of " + s.lines() + " is still queued: "
	s.eventually("apply pauses the removed key's schedule", 20*time.Second, func() error {
		if out := s.must("apply"); !strings.Contains(out, "pause schedule "+s.id(s.lines())) ||
			!strings.Contains(out, left) {
			return errors.New(out)
		}
		return nil
	})
	if out := s.must("apply"); !strings.HasPrefix(out, left) || !strings.Contains(out, "nothing to change\n") {
		t.Errorf("of a schedule that is paused already apply says %s", out)
	}
	s.fails(2, []string{"--yes"}, "flush", s.lines())
	s.edit("id_prefix: e2e", "id_prefix: other-e2e")
	s.fails(2, []string{"belongs to another chferry"}, "flush", s.lines(), "--yes")
	s.edit("id_prefix: other-e2e", "id_prefix: e2e")
	s.fails(2, []string{`"` + s.lines() + `x" is not configured`}, "flush", s.lines()+"x", "--yes")
	if out := s.must("flush", s.lines(), "--yes"); !strings.HasPrefix(out, "flushed "+s.lines()) {
		t.Errorf("flush says %q", out)
	}
	s.write("chferry.yaml", text)
	if got := s.status(s.lines()); got.Pending != 0 {
		t.Errorf("after the flush %d operations are pending", got.Pending)
	}
}

// failsAll runs the binary, which must end with this status and exactly one line of error for each
// of words. It returns its output.
func (s *stack) failsAll(status int, words []string, args ...string) string {
	s.t.Helper()
	got, out, errOut := s.run(args...)
	if got != status || badError(got, errOut) != "" || strings.Count(errOut, "chferry: ") != len(words) {
		s.t.Errorf("chferry %s: status %d, want %d and %d errors\n%s%s", strings.Join(args, " "), got, status,
			len(words), out, errOut)
	}
	for _, word := range words {
		if strings.Count(errOut, word) != 1 {
			s.t.Errorf("chferry %s: the errors lack %q once: %s", strings.Join(args, " "), word, errOut)
		}
	}
	return out
}

// TestRefusedByServer: what ClickHouse would refuse to create is told by check and a dry run, with
// what apply does then: nothing.
func TestRefusedByServer(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t),
		strings.Replace(twoImports, "table: lines}", `table: lines, partition_by: "intDivv(order_id, 10)"}`, 1))
	words := []string{"46 UNKNOWN_FUNCTION", "intDivv", "mend destination.partition_by"}
	out := s.fails(2, words, "check")
	wantLines(t, out, "ok    import "+s.key, "      apply would create table test_",
		"FAIL  import "+s.lines()+": create table test_",
		"      apply would leave this import and its schedule as they are\n", "ok    Temporal",
		"      apply would create schedule "+s.id(s.key))
	if strings.Contains(out, "schedule "+s.id(s.lines())) || strings.Count(out, "would create table") != 1 {
		t.Errorf("check says that apply would create what it refuses:\n%s", out)
	}
	if out := s.fails(2, words, "apply", "--dry-run"); strings.Count(out, "would create table") != 1 ||
		strings.Contains(out, s.id(s.lines())) {
		t.Errorf("a dry run would create what apply refuses:\n%s", out)
	}
	s.fails(2, words, "apply")
	if got := s.tables(); len(got) != 2 {
		t.Errorf("ClickHouse has %v, want one table and its view", got)
	}
	s.edit("intDivv", "intDiv")
	wantLines(t, s.must("apply"), "create table test_", "create schedule "+s.id(s.lines()))
}
