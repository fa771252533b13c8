package transfer_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/transfer"
)

// Of two steps that run at the same time, the one that asked the database first may compare last: the database then
// seems to stand before what is remembered, until it is asked again.
func TestSameSourceOfConcurrentSteps(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	conn, err := pgx.Connect(t.Context(), url)
	ok(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	exec := func(sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		ok(t, err)
	}
	exec("CREATE TABLE items (id bigint PRIMARY KEY, word text NOT NULL)")
	src, err := postgres.Open(url, source.Options{Alias: "default"})
	ok(t, err)
	t.Cleanup(src.Close)
	imp := chferry.Import{Key: "items", Databases: []string{"default"}, Table: "items", DestinationTable: "items"}
	plan := func() transfer.Plan {
		t.Helper()
		made, err := transfer.MakePlan(t.Context(), imp, map[string]source.Source{"default": src})
		ok(t, err)
		return made
	}
	early := plan()
	exec("INSERT INTO items SELECT n, 'word' FROM generate_series(1, 1000) n")
	exec("CHECKPOINT") // the mark is of what was flushed
	late := plan()
	remembered := transfer.IdentityOf(late.Tables["default"])
	if before := early.Tables["default"].Mark; before >= remembered.Mark {
		t.Fatalf("the database was at %d, then at %d", before, remembered.Mark)
	}
	ok(t, early.SameSource(t.Context(), "default", remembered))
	ok(t, late.SameSource(t.Context(), "default", remembered))
	remembered.Mark += 1 << 40
	if err := early.SameSource(t.Context(), "default", remembered); chferry.CodeOf(err) != chferry.CodeSourceChanged {
		t.Fatalf("a database that stands before what was synced gives %v", err)
	}
}
