package chferry

import (
	"strings"
	"time"
	"unicode/utf8"
)

// How much one backfill may ask for.
const (
	DefaultParallel = 2      // readers
	MaxParallel     = 16     // readers
	MaxWhere        = 10_000 // bytes of a condition
)

// BackfillOptions say what a backfill copies, and how fast.
type BackfillOptions struct {
	// Where is a condition in the SQL of the source; empty: all rows. It belongs neither in logs nor in errors nor in
	// histories.
	Where         string
	Parallel      int   // readers; 0: [DefaultParallel]
	RowsPerSecond int64 // that all readers together may read; 0: no limit
	Replace       bool  // copy into a new table, which takes the place of the destination's at the end
}

// Validate returns [CodeInvalid] for options that can't be used.
func (o BackfillOptions) Validate() error {
	switch {
	case o.Where != "" && strings.TrimSpace(o.Where) == "":
		return Errorf(CodeInvalid, "where is blank: give an SQL condition, or leave it out for all rows")
	case len(o.Where) > MaxWhere:
		return Errorf(CodeInvalid, "where has %d bytes, and may have %d", len(o.Where), MaxWhere)
	case !utf8.ValidString(o.Where) || strings.ContainsRune(o.Where, 0):
		return Errorf(CodeInvalid, "where must be text in UTF-8")
	case o.Where != "" && o.Replace:
		return Errorf(CodeInvalid, "where and replace exclude each other: the new table would lack the rows that the "+
			"condition leaves out")
	case o.Parallel < 0 || o.Parallel > MaxParallel:
		return Errorf(CodeInvalid, "parallel, the number of readers, must be from 1 to %d, not %d",
			MaxParallel, o.Parallel)
	case o.RowsPerSecond < 0:
		return Errorf(CodeInvalid, "rows per second must be 1 or more, not %d: leave it out for no limit",
			o.RowsPerSecond)
	}
	return nil
}

// JobStatus is what Temporal knows of a workflow that reads whole tables.
type JobStatus struct {
	ID      string // of the workflow; empty: Temporal knows none
	Token   string // by which the storage knows the job
	Running bool   // it has not ended
	Paused  bool   // it runs, and waits to be resumed
	Working bool   // a worker has one of its steps
	Began   time.Time
	Ended   time.Time // zero: it has not
	Status  string    // Temporal's, such as Running, Completed, Failed, Canceled
	// Reason is why it failed; empty if it did not.
	Reason string
	// Failing are the steps whose last attempt failed and will be made again.
	Failing []FailingStep
	// Waiting is what a step said last that it waits for; empty: nothing.
	Waiting string
}

// FailingStep is a step of a workflow whose last attempt failed and will be made again.
type FailingStep struct {
	Step    string
	Attempt int32  // the one that failed, counted from 1
	Reason  string // safe to show
}
