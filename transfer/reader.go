package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// reader reads the rows of chunks and makes blocks of them. Several may read chunks of one batch at the same time.
type reader struct {
	sources map[string]source.Source
	plan    Plan
	version uint64
	pace    *pace
}

// read calls emit with each block of a chunk, and unfit with operations whose rows the source has and can't give.
func (r *reader) read(ctx context.Context, c *chunk, emit func(*block) error,
	unfit func([]chferry.FailedOperation) error,
) error {
	b, begun := c.block(), 0
	for first := 0; first < c.len(); {
		rows, last, err := r.fetch(ctx, c, first)
		if err != nil {
			return err
		}
		if err := unfit(b.append(r.plan, c, first, last, rows, r.version)); err != nil {
			return err
		}
		first = last
		if b.Rows() == 0 || b.Bytes() < fullBlock && last < c.len() {
			continue
		}
		b.token = c.tokenOf(begun, last)
		if err := emit(b); err != nil {
			return err
		}
		b, begun = c.block(), last
	}
	return nil
}

// block returns a block without rows, for rows of the chunk.
func (c *chunk) block() *block { return &block{database: c.database, table: c.table} }

// fetch reads the rows of a chunk's keys from first on, as many as fit, and returns where it stopped.
func (r *reader) fetch(ctx context.Context, c *chunk, first int) (rows rowset.Rows, last int, err error) {
	f := fetcher{source: r.sources[c.database], table: c.table, pace: r.pace}
	rows, n, err := f.fetch(ctx, c.slice(first, c.len()))
	return rows, first + n, err
}

// fetcher reads rows by their keys.
type fetcher struct {
	source source.Source
	table  rowset.Table
	pace   *pace
}

// fetch reads the rows of the first of keys, as many as fit, and returns how many keys these are. If
// the source can't give some row, fetch asks for half of the keys, and for half of those, until the
// row stands alone: that one is unfit.
func (f *fetcher) fetch(ctx context.Context, keys keyList) (rows rowset.Rows, n int, err error) {
	for most := keys.len(); ; {
		asked, began := f.pace.next(most), time.Now()
		rows, err := f.source.Fetch(ctx, f.table, keys.slice(0, asked))
		var tooMuch *source.TooMuchError
		switch {
		case err == nil:
			f.pace.fitted(asked, rows.Bytes())
			f.pace.took(asked, time.Since(began))
		case asked > 1 && errors.As(err, &tooMuch):
			if tooMuch.Slow {
				f.pace.tooSlow(time.Since(began))
			}
			most = f.pace.tooMuch(asked, tooMuch.Rows)
			continue
		case asked > 1 && chferry.CodeOf(err) == chferry.CodeUnreadable:
			most = asked / 2
			continue
		case chferry.CodeOf(err) == chferry.CodeUnreadable:
			rows, err = unreadable(f.table, err), nil
		}
		return rows, asked, err
	}
}

// unreadable is what is read of one key whose row the source can't give.
func unreadable(table rowset.Table, err error) rowset.Rows {
	_, reason := chferry.Safe(err)
	return rowset.Rows{Block: rowset.NewBlock(table.Columns), Unfit: []rowset.Unfit{{Key: 0, Reason: reason}}}
}
