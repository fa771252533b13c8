package transfer_test

import (
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/sqlite"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// TestDatabaseReplaced: a batch that was planned with one database is not read from another, in
// which its rows may be missing.
func TestDatabaseReplaced(t *testing.T) {
	t.Parallel()
	to := &fussySink{}
	r := newRig(t, to, 0)
	r.fill("default", 1, 3, 1)
	r.claim(10, opsOf("", 1, 3)...)
	plan, err := r.pipeline.Plan(t.Context(), r.imp)
	ok(t, err)
	path := t.TempDir() + "/other.db"
	other, err := sqlite.Open("sqlite:"+path, source.Options{Alias: "default"})
	ok(t, err)
	t.Cleanup(other.Close)
	planned := r.sources["default"]
	r.sources["default"] = other
	run := func() error {
		r.attempts++
		_, err := r.pipeline.Begin(r.imp.Key, r.batch, transfer.Options{
			Attempt: storage.Attempt{Token: token, BatchID: r.batch.ID, Number: r.attempts},
		}).Run(t.Context(), plan)
		return err
	}
	if err := run(); chferry.CodeOf(err) != chferry.CodeUnavailable {
		t.Errorf("the batch was read from another database: %v", err)
	}
	to.wantRows(t)
	r.sources["default"] = planned
	ok(t, run())
	to.wantRows(t, rowsFrom(1, 3, 1)...)
}
