package transfer

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// Copy carries rows of one database's table into the sink, range by range, without operations. Each
// page of rows is read under a version of its own, which was minted before: so a row that changes
// meanwhile, and has an operation for that, ends in its newest state, whichever of the two arrives
// first.
type Copy struct {
	*Pipeline
	Plan     Plan
	Database string
	// Where is a condition in the SQL of the source; empty: all rows.
	Where string
	// MaxFailed is how many rows of a range may be set aside before the copy of the range fails.
	MaxFailed int
	// Mint returns a version of the import key that is greater than all before.
	Mint func(context.Context) (uint64, error)
	// Pace is called before each page, and returns when it may be read and how many rows it may have, at most
	// wanted and at least 1; nil: pages are read as fast as they can be inserted.
	Pace func(ctx context.Context, wanted int) (rows int, err error)
}

// Copied says what became of rows of a range.
type Copied struct {
	Rows int64 `json:"rows"` // that were inserted
	// Failed is the number of rows that can't be imported. Operations on them were registered, so
	// that the next sync sets them aside with the reason.
	Failed int64 `json:"failed"`
}

// RangeWork is what a copy asks of the owner of the range. Both methods may be called at the same time.
type RangeWork interface {
	// Save is called when all rows up to a place are in the sink, with what became of those behind
	// the place that was saved before. halve asks the copy to give a half of what remains away.
	Save(ctx context.Context, place string, copied Copied) (halve bool, err error)
	RangeGiver
}

// rangeBlock is the rows of some pages, which are inserted together unless they are refused.
type rangeBlock struct {
	rowset.Block
	last   string
	copied Copied
	failed []chferry.Operation
	reason string // of the first that failed
}

// Run copies a range and returns when all of its rows are in the sink, or set aside. While rows are
// inserted the next ones are read. A copy that is made again from a place that was saved reads
// twice what one insert has at most, and two blocks.
func (c *Copy) Run(ctx context.Context, r source.Range, work RangeWork) error {
	from, release, err := c.ranger(c.Plan, c.Database)
	if err != nil {
		return err
	}
	defer release()
	in := &copyInserter{Copy: c, work: work, rest: r}
	in.streamer, _ = c.Sink.(sink.Streamer)
	err = c.run(ctx, from, in)
	if in.broken && ctx.Err() == nil {
		// The insert of a single block says better what is wrong, and may be narrowed down to a row.
		in.streamer, in.broken = nil, false
		err = c.run(ctx, from, in)
	}
	return err
}

// run copies what is not saved of the inserter's range.
func (c *Copy) run(ctx context.Context, from source.Ranger, in *copyInserter) error {
	stages, ctx := errgroup.WithContext(ctx)
	blocks := make(chan *rangeBlock)
	pages := newPager(from, c.Plan.Tables[c.Database], source.Scan{Range: in.rest, Where: c.Where}, c.Pace, in)
	stages.Go(func() error {
		defer close(blocks)
		return (&rangeReader{c, pages}).read(ctx, blocks)
	})
	stages.Go(func() error { return in.insertAll(ctx, blocks, pages.halveNext) })
	return stages.Wait()
}

// rangeReader makes blocks of the pages of a range.
type rangeReader struct {
	*Copy
	*pager
}

func (r *rangeReader) read(ctx context.Context, blocks chan<- *rangeBlock) error {
	for done := false; !done; {
		if err := r.giveAway(ctx); err != nil {
			return err
		}
		b := &rangeBlock{}
		for began := time.Now(); !b.full(began, r.MaxFailed); {
			var err error
			if done, err = r.append(ctx, b); err != nil {
				return err
			}
			if done {
				break
			}
		}
		if b.last == "" {
			continue
		}
		if err := send(ctx, blocks, b); err != nil {
			return err
		}
	}
	return nil
}

// full reports whether a block is to be inserted: also if more rows failed than may, and after a
// while, so that the place is saved although a condition holds for few rows.
func (b *rangeBlock) full(began time.Time, maxFailed int) bool {
	return b.Bytes() >= fullBlock || b.Rows() >= MaxChunk || len(b.failed) > maxFailed || time.Since(began) > slowScan
}

// append appends a page of the range to a block. The version of the rows is minted first.
func (r *rangeReader) append(ctx context.Context, b *rangeBlock) (done bool, err error) {
	if err := r.wait(ctx); err != nil {
		return false, err
	}
	version, err := r.Mint(ctx)
	if err != nil {
		return false, err
	}
	scanned, err := r.scan(ctx)
	if err != nil {
		return false, err
	}
	if scanned.Last != "" {
		b.last = scanned.Last
	}
	for _, u := range scanned.Unfit {
		b.fail(r.operation(scanned.Keys[u.Key]), u.Reason)
	}
	if scanned.Rows.Rows() == 0 {
		return scanned.Done, nil
	}
	made := r.Plan.block(r.Database, scanned.Rows, nil, version)
	if b.Columns == nil {
		b.Block = made
	} else {
		b.Append(&made)
	}
	return scanned.Done, nil
}

func (r *rangeReader) operation(key chferry.PrimaryKey) chferry.Operation {
	return chferry.Operation{Kind: chferry.Update, Database: r.Database, PrimaryKey: key}
}

func (b *rangeBlock) fail(op chferry.Operation, reason string) {
	if b.reason == "" {
		b.reason = reason
	}
	b.failed = append(b.failed, op)
	b.copied.Failed++
}
