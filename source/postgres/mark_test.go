package postgres_test

import (
	"testing"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

// TestMarkGrows: also over a crash, and less in a copy of the past, which nothing else tells apart from the original.
func TestMarkGrows(t *testing.T) {
	t.Parallel()
	original := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	b := at(t, original.URL)
	b.exec(t, "SET synchronous_commit = on; CREATE TABLE items (id int PRIMARY KEY, note text); INSERT INTO items "+
		"VALUES (1, 'one')")
	first := b.describe(t, "items")
	if first.Mark == 0 {
		t.Fatal("got no mark")
	}
	past := copyOf(t, original, nil)
	b.exec(t, "INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(2, 2000) AS i")
	second := b.describe(t, "items")
	if second.Mark <= first.Mark {
		t.Errorf("after changes got the mark %d, want more than %d", second.Mark, first.Mark)
	}
	// What such a commit wrote is lost in a crash, unless it was flushed meanwhile.
	b.exec(t, "SET synchronous_commit = off; INSERT INTO items SELECT i, repeat('x', 100) FROM generate_series(2001, "+
		"4000) AS i")
	third := b.describe(t, "items")
	if err := original.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := original.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.source = open(t, original.URL)
	after := b.describe(t, "items")
	if after.Mark < third.Mark || after.Identity != first.Identity {
		t.Errorf("after a crash got the mark %d and the identity %s, want at least %d and %s",
			after.Mark, after.Identity, third.Mark, first.Identity)
	}
	copied := at(t, past.URL).describe(t, "items")
	if copied.Identity != first.Identity || copied.Mark >= second.Mark {
		t.Errorf("a copy of the past has the identity %s and the mark %d, want %s and less than %d",
			copied.Identity, copied.Mark, first.Identity, second.Mark)
	}
}

// TestMarkOfAStandby is that of its primary, wherever a read comes from.
func TestMarkOfAStandby(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	primary := at(t, r.primary.URL)
	last := uint64(0)
	for range 5 {
		r.exec(t, "INSERT INTO items SELECT coalesce(max(id), 0) + 1 FROM items")
		for name, b := range map[string]bundle{"primary": primary, "standby": r.bundle} {
			got := b.describe(t, "items").Mark
			if got < last {
				t.Errorf("%s: got the mark %d after %d", name, got, last)
			}
			last = got
		}
	}
}

// TestWithoutMark: a server that does not tell is read all the same.
func TestWithoutMark(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.role(t, "markless", "")
	b.exec(t, "REVOKE EXECUTE ON FUNCTION pg_current_wal_flush_lsn() FROM PUBLIC; CREATE TABLE items (id int PRIMARY "+
		"KEY); GRANT SELECT ON items TO "+user)
	limited := bundle{b.url, open(t, as(t, b.url, user)), b.conn}
	for range 2 {
		if got := limited.describe(t, "items").Mark; got != 0 {
			t.Errorf("got the mark %d, want none", got)
		}
	}
	if got := b.describe(t, "items").Mark; got == 0 {
		t.Error("the owner gets no mark")
	}
}
