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
type BackfillProgress struct{ p *jobProgress }

// NewBackfillProgress returns one of the import key users.
func NewBackfillProgress(out io.Writer, terminal bool) BackfillProgress {
	return BackfillProgress{&jobProgress{meter: newMeter(out, terminal), key: "users"}}
}

// Show shows a status.
func (b BackfillProgress) Show(s api.JobStatus) { b.p.show(s) }
