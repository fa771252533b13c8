package transfer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// longestStream is how long blocks are appended to one insert: rows are shown, and the place is saved, when it ends.
const longestStream = 5 * time.Second

// copyInserter inserts the blocks of a range, and saves how far it is. Where the sink can, many
// blocks are one insert.
type copyInserter struct {
	*Copy
	work     RangeWork
	rest     source.Range  // what is not saved
	streamer sink.Streamer // nil: each block is an insert
	stream   sink.Stream   // nil: none is open
	due      <-chan time.Time
	unsaved  rangeBlock // without its rows
	failed   int        // rows of the range
	broken   bool       // the stream has failed
}

// insertAll calls halve when a half of what remains is wanted.
func (in *copyInserter) insertAll(ctx context.Context, blocks <-chan *rangeBlock, halve func()) error {
	defer in.abort()
	in.unsaved = rangeBlock{}
	for {
		select {
		case b, open := <-blocks:
			if !open {
				return in.save(ctx, halve)
			}
			full, err := in.add(ctx, b)
			if err != nil {
				return err
			}
			if in.stream != nil && !full && in.failed+len(in.unsaved.failed) <= in.MaxFailed {
				continue
			}
		case <-in.due:
		}
		if err := in.save(ctx, halve); err != nil {
			return err
		}
	}
}

// add inserts a block, or appends it to the open insert, which may be full then.
func (in *copyInserter) add(ctx context.Context, b *rangeBlock) (full bool, err error) {
	if in.streamer == nil {
		err = in.insert(ctx, b, b.Block)
	} else if b.Rows() > 0 {
		full, err = in.append(ctx, b)
		in.broken = err != nil
	}
	if err != nil {
		return false, err
	}
	in.unsaved.last, in.unsaved.failed = b.last, append(in.unsaved.failed, b.failed...)
	in.unsaved.copied.Rows += b.copied.Rows
	in.unsaved.copied.Failed += b.copied.Failed
	if in.unsaved.reason == "" {
		in.unsaved.reason = b.reason
	}
	return full, nil
}

func (in *copyInserter) append(ctx context.Context, b *rangeBlock) (full bool, err error) {
	if in.stream == nil {
		if in.stream, err = in.streamer.Stream(ctx, in.Plan.Destination, b.Columns); err != nil {
			return false, err
		}
		in.due = time.After(longestStream)
	}
	rejected, full, err := in.stream.Append(b.Block)
	if err != nil {
		return false, err
	}
	in.reject(b, b.Block, rejected)
	return full, nil
}

// save ends the open insert, sets rows aside that failed, and saves the place.
func (in *copyInserter) save(ctx context.Context, halve func()) error {
	if err := in.finish(); err != nil || in.unsaved.last == "" {
		return err
	}
	if in.failed += len(in.unsaved.failed); in.failed > in.MaxFailed {
		return chferry.Errorf(chferry.CodeTooManyFailed,
			"more than %d rows of one range can't be imported, the first because: %s; mend the table or the "+
				"rows, or raise the import's max_failed to have them set aside", in.MaxFailed, in.unsaved.reason)
	}
	if err := in.setAside(ctx, in.unsaved.failed); err != nil {
		return err
	}
	wanted, err := in.work.Save(ctx, in.unsaved.last, in.unsaved.copied)
	if err != nil {
		return err
	}
	in.rest.After, in.unsaved = in.unsaved.last, rangeBlock{}
	if wanted {
		halve()
	}
	return nil
}

func (in *copyInserter) finish() error {
	if in.stream == nil {
		return nil
	}
	err := in.stream.Finish()
	in.stream, in.due, in.broken = nil, nil, err != nil
	return err
}

func (in *copyInserter) abort() {
	if in.stream != nil {
		in.stream.Abort()
		in.stream, in.due = nil, nil
	}
}

// GiveAway gives what is behind a place away.
func (in *copyInserter) GiveAway(ctx context.Context, place string) error {
	err := in.work.GiveAway(ctx, place)
	if err == nil {
		in.rest.UpTo = place
	}
	return err
}

// insert inserts rows of a block. Those that the sink refuses are among its failed ones.
func (c *Copy) insert(ctx context.Context, b *rangeBlock, rows rowset.Block) error {
	n := rows.Rows()
	if n == 0 {
		return nil
	}
	rejected, err := c.Sink.Insert(ctx, c.Plan.Destination, rows, "")
	switch {
	case chferry.CodeOf(err) == chferry.CodeRefused && n > 1:
		if err := c.insert(ctx, b, rows.Slice(0, n/2)); err != nil {
			return err
		}
		return c.insert(ctx, b, rows.Slice(n/2, n))
	case chferry.CodeOf(err) == chferry.CodeRefused:
		_, reason := chferry.Safe(err)
		b.fail(c.operationOf(rows, 0), reason)
		return nil
	case err != nil:
		return err
	}
	c.reject(b, rows, rejected)
	return nil
}

// reject notes what became of rows that were inserted.
func (c *Copy) reject(b *rangeBlock, rows rowset.Block, rejected []sink.Rejected) {
	for _, r := range rejected {
		b.fail(c.operationOf(rows, r.Row), r.Reason)
	}
	b.copied.Rows += int64(rows.Rows() - len(rejected))
}

// operationOf returns an operation on a row.
func (c *Copy) operationOf(rows rowset.Block, row int) chferry.Operation {
	op := chferry.Operation{Kind: chferry.Update, Database: c.Database}
	table := c.Plan.Tables[c.Database]
	for _, name := range table.KeyDestinations() {
		i := slices.IndexFunc(rows.Columns, func(column rowset.Column) bool { return column.Destination == name })
		op.PrimaryKey = append(op.PrimaryKey, rows.Vectors[i].KeyText(row))
	}
	return op
}

// setAside registers rows that failed: a sync finds them unfit, too, and keeps them with the reason.
func (c *Copy) setAside(ctx context.Context, failed []chferry.Operation) error {
	if err := c.register(ctx, c.Plan.Import.Key, failed); err != nil {
		return fmt.Errorf("register the rows that can't be imported: %w", err)
	}
	return nil
}
