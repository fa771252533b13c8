package postgres_test

import (
	"testing"

	"github.com/chferry/chferry"
)

// TestIdentityOfViews: a view is changed by dropping it and making it anew. It has no rows that could be others.
func TestIdentityOfViews(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE base (id int PRIMARY KEY, n int); INSERT INTO base VALUES (1, 1); CREATE SCHEMA other;
		CREATE VIEW seen AS SELECT * FROM base; CREATE VIEW other.seen AS SELECT * FROM base;
		CREATE MATERIALIZED VIEW kept AS SELECT * FROM base`)
	seen, kept := b.describe(t, "seen", "id"), b.describe(t, "kept", "id")
	b.exec(t, `DROP VIEW seen; CREATE VIEW seen AS SELECT id, n FROM base WHERE id > 0;
		DROP MATERIALIZED VIEW kept; CREATE MATERIALIZED VIEW kept AS SELECT * FROM base`)
	if err := b.fetchErr(t, seen); err != nil {
		t.Errorf("a view that was made anew: %v", err)
	}
	if got := b.describe(t, "seen", "id").Identity; got != seen.Identity {
		t.Errorf("a view that was made anew has the identity %s, want %s", got, seen.Identity)
	}
	if got := b.describe(t, "other.seen", "id").Identity; got == seen.Identity {
		t.Error("two views have one identity")
	}
	wantCode(t, b.fetchErr(t, kept), chferry.CodeSourceChanged, "kept")
	b.exec(t, `DROP VIEW seen; CREATE TABLE seen AS SELECT * FROM base`)
	wantCode(t, b.fetchErr(t, seen), chferry.CodeSourceChanged, "seen")
	other := setup(t)
	other.exec(t, "CREATE VIEW seen AS SELECT 1 AS id")
	if got := other.describe(t, "seen", "id").Identity; got == seen.Identity {
		t.Error("two databases of one server have one view")
	}
}
