package transfer

import (
	"context"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// Compare finds the rows in which one database's table and the sink differ, range by range, while
// writes and syncs go on. It reads rows as a copy does, and has both sides hash them as the
// destination holds them, so that every type is compared, by what a sync would insert.
//
// A row that differs is a suspect at first: a sync may be on its way. It is looked at again once the
// queue has passed all that was registered until then, and is a difference only if neither side has
// changed meanwhile.
type Compare struct {
	*Pipeline
	Plan     Plan
	Database string
	// Pass is one of what [Pipeline.Passes] returns.
	Pass string
	// Where is a condition in the SQL of the source; empty: all rows. With a condition, rows that only
	// the destination has are not found: nobody knows whether it would hold for them.
	Where string
	// Repair registers operations on the rows that differ, so that the next sync mends them.
	Repair bool
	Queue  Queue
	// Pace is called before each page, as that of a [Copy] is; nil: pages are read as fast as they
	// can be compared.
	Pace func(ctx context.Context, wanted int) (rows int, err error)
	// Settle is how long after a change was committed its operation may be registered, or left in the
	// queue, at most; 0 means five seconds more than the import's own settle.
	Settle time.Duration
	// Hurry asks for a sync, which rows that differ wait for. It is called now and then while they wait;
	// nil: the schedule brings one. An import whose schedule ticks once a day would wait for long.
	Hurry func(context.Context)
	// Patience is how long the queue may take to pass what stands in it; 0 means 15 minutes.
	Patience time.Duration
}

// The passes of a comparison.
const (
	// PassBoth compares both sides at once, range by range.
	PassBoth = ""
	// PassSource looks up the source's rows in the destination.
	PassSource = "source"
	// PassDestination looks up the destination's keys in the source, for rows that it alone has.
	PassDestination = "destination"
)

// Queue tells how far syncs are. Its methods are those of [storage.Storage].
type Queue interface {
	storage.Positions
	FailedOperations(ctx context.Context, key chferry.ImportKey) iter.Seq2[[]chferry.FailedOperation, error]
}

// Compared says what was found among the rows of a range.
type Compared struct {
	Rows int64 `json:"rows"` // of the source whose hashes were compared
	// Failed is the number of rows of which nothing is known: they can't be imported or read, or they
	// were compared and differed, and their operations were set aside, or they change too fast.
	Failed  int64 `json:"failed"`
	Moving  int64 `json:"moving"`  // those of Failed that changed whenever they were looked at
	Clamped int64 `json:"clamped"` // values that the destination can't hold as they are; they were compared clamped
	Missing int64 `json:"missing"` // rows that the source alone has
	Stale   int64 `json:"stale"`   // rows with other values
	Surplus int64 `json:"surplus"` // rows that the destination alone has
	// Registered is the number of operations that were registered to mend differences.
	Registered int64 `json:"registered"`
	// Differences are those that were found, at most [storage.MaxDifferences]. They hold primary keys.
	Differences []storage.Difference `json:"-"`
}

// CompareWork is what a comparison asks of the owner of the range. Both methods may be called at the
// same time. Save is not called while a suspect waits for the queue, for as long as [Compare.Patience]:
// the owner sees to it that the range remains its own.
type CompareWork interface {
	// Save is called when all rows up to a place are compared, with what was found behind the place
	// that was saved before. The place is empty if nothing was read and the range begins with the
	// table. halve asks the comparison to give a half of what remains away.
	Save(ctx context.Context, place string, compared Compared) (halve bool, err error)
	RangeGiver
}

// Run compares a range and returns when it knows of each of its rows whether it differs. In the pass
// [PassDestination], places are those that Run itself saved, and no half is given away.
//
// A range without UpTo ends with the tables on both sides. So rows that only the destination has
// are found also behind the source's last row: see [Pipeline.CutToCompare].
func (c *Compare) Run(ctx context.Context, r source.Range, work CompareWork) error {
	from, release, err := c.ranger(c.Plan, c.Database)
	if err != nil {
		return err
	}
	defer release()
	run, err := c.comparison(from, r, work)
	if err != nil {
		return err
	}
	if err := run.fits(ctx); err != nil {
		return err
	}
	stages, ctx := errgroup.WithContext(ctx)
	findings := make(chan finding)
	stages.Go(func() error {
		defer close(findings)
		return run.compare(ctx, func(f finding) error { return send(ctx, findings, f) })
	})
	stages.Go(func() error { return newTracker(run).run(ctx, findings) })
	return stages.Wait()
}

// finding is what is known of a page so far. The last finding of a page has its place.
type finding struct {
	page     int64 // numbered in order
	suspects keyList
	last     bool
	place    string
	compared Compared // without the suspects
}
