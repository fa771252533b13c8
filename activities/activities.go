// Package activities holds the steps of the workflows: what touches Redis, the sources and
// ClickHouse, and may be run again at any moment. Every activity is idempotent, because a worker
// can die after doing its work and before saying so.
//
// What enters a workflow's history passes through here, so inputs, results and errors hold references, counts and
// times, never operations, rows, SQL or connection strings.
package activities

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// Activities are the steps of all workflows. Its exported methods are the activity types.
type Activities struct {
	Storage Storage
	// Imports are the imports that this worker knows.
	Imports chferry.Imports
	// Pipeline carries the rows. Its storage is the same.
	Pipeline *transfer.Pipeline
	// Closed tells whether the sync with a token is known to have ended, with all runs that continue it.
	Closed func(ctx context.Context, token string) bool
	// JobClosed tells the same of a job that reads whole tables, which has no lease; nil: nobody knows.
	JobClosed func(ctx context.Context, token string) bool
	// Nudge starts a sync of an import key, unless its schedule is paused. A verify asks for one when it waits for
	// what is registered; nil: it waits for the schedule.
	Nudge func(ctx context.Context, key chferry.ImportKey) error
	// Observer is told what the metrics count.
	Observer Observer
	Log      *slog.Logger

	claimed plans
	warned  warned
	turns   turns
	readers readers
}

// Storage is what the steps need of a storage.
type Storage interface {
	storage.Syncer
	storage.Memory
	storage.Registrar
	storage.Minter
	storage.Requests
	storage.Replacements
	storage.Ranges
	storage.RangeReader
	storage.Positions
	// Status is [storage.Administrator]'s.
	Status(ctx context.Context, keys ...chferry.ImportKey) ([]chferry.Status, error)
	// FailedOperations is [storage.FailedOperations]'s.
	FailedOperations(ctx context.Context, key chferry.ImportKey) iter.Seq2[[]chferry.FailedOperation, error]
}

// Observer is told what the metrics count.
type Observer interface {
	// Step is called after each attempt at an activity.
	Step(key chferry.ImportKey, step string, seconds float64)
	// StepFailed is called after each attempt that failed. One that was handed over to another
	// worker, cancelled or superseded did not.
	StepFailed(key chferry.ImportKey, step string, code chferry.Code)
	// BatchEnded is called once for each batch that was removed.
	BatchEnded(key chferry.ImportKey, outcome chferry.Counts)
	// SyncEnded is called once for each sync, unless the worker died before it could be.
	SyncEnded(key chferry.ImportKey, outcome string)
	// RowsCopied is called after each page of rows that a backfill has inserted.
	RowsCopied(key chferry.ImportKey, rows int64)
	// RowsVerified is called after each page of rows that a verify has compared.
	RowsVerified(key chferry.ImportKey, rows int64)
	// TakenOver is called when a sync takes the import key from another that has ended or fell silent.
	TakenOver(key chferry.ImportKey)
}

// How a sync ends.
const (
	OutcomeIdle   = "idle"   // nothing was to be synced
	OutcomeSynced = "synced" // everything claimed was imported
	// OutcomePartial: some operations were set aside, or put back for a database that does not answer.
	OutcomePartial    = "partial"
	OutcomeFailed     = "failed"     // the sync gave up; what was claimed stays for the next one
	OutcomeSuperseded = "superseded" // another sync took the import key over
)

// unknownFor is for how long a sync waits for a worker that knows its import key: workers are
// restarted one after the other.
const unknownFor = 5 * time.Minute

// limitsOf returns the limits of an import key; of one that this worker does not know, the defaults.
func (a *Activities) limitsOf(key chferry.ImportKey) chferry.Limits {
	imp, known := a.Imports.Import(key)
	if !known {
		return chferry.Limits{}.WithDefaults()
	}
	return imp.Limits.WithDefaults()
}

func (a *Activities) importOf(key chferry.ImportKey) (chferry.Import, error) {
	imp, ok := a.Imports.Import(key)
	if !ok {
		return chferry.Import{}, chferry.Errorf(chferry.CodeUnknownKey,
			"import key %s is not in the configuration that this worker was started with: "+
				"restart the workers and the API after a change of the file; "+
				"if the key was removed, run chferry apply, which pauses its schedule", key)
	}
	return imp, nil
}
