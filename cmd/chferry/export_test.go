package main

import (
	"io"

	"github.com/chferry/chferry/api"
)

// Main lets the test binary be chferry, so that tests run it as a process of its own.
func Main() { main() }

// How programs open their storage.
var (
	OpenStorage       = openStorage
	OpenWorkerStorage = openWorkerStorage
)

// BackfillProgress shows how a backfill goes.
type BackfillProgress struct{ p *backfillProgress }

// NewBackfillProgress returns one of the import key users.
func NewBackfillProgress(out io.Writer, terminal bool) BackfillProgress {
	return BackfillProgress{&backfillProgress{meter: newMeter(out, terminal), key: "users"}}
}

// Show shows a status.
func (b BackfillProgress) Show(s api.BackfillStatus) { b.p.show(s) }
