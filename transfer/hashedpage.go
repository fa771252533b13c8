package transfer

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// hashedPage is a page of the source as the destination should have it.
type hashedPage struct {
	sink.Hashed         // the rows that can be compared
	failed      keyList // of rows that can't be
	bounds      sink.Range
	place       string // of its end
	compared    Compared
}

// scannedPage is a page of the source.
type scannedPage struct {
	source.Page
	end string // where the range ends, once the page is the last
}

// hashPages calls each with the pages of the range. While a page is hashed the next one is read,
// and another one is compared.
func (c *comparison) hashPages(ctx context.Context, each func(context.Context, <-chan *hashedPage) error) error {
	stages, ctx := errgroup.WithContext(ctx)
	scanned, hashed := make(chan scannedPage), make(chan *hashedPage, pagesAhead)
	stages.Go(func() error {
		defer close(scanned)
		return c.scan(ctx, scanned)
	})
	stages.Go(func() error {
		defer close(hashed)
		return c.hash(ctx, scanned, hashed)
	})
	stages.Go(func() error { return each(ctx, hashed) })
	return stages.Wait()
}

// scan reads the pages of the range.
func (c *comparison) scan(ctx context.Context, to chan<- scannedPage) error {
	for done := false; !done; {
		if err := c.pages.giveAway(ctx); err != nil {
			return err
		}
		if err := c.pages.wait(ctx); err != nil {
			return err
		}
		page, err := c.pages.scan(ctx)
		if err != nil {
			return err
		}
		if page.Last == "" {
			page.Last = c.pages.ask.After
		}
		done = page.Done
		if err := send(ctx, to, scannedPage{page, c.pages.ask.UpTo}); err != nil {
			return err
		}
	}
	return nil
}

// hash hashes pages, and bounds each by the last key of the page before it and its own.
func (c *comparison) hash(ctx context.Context, from <-chan scannedPage, to chan<- *hashedPage) error {
	var after rowset.Block
	if c.Pass == PassBoth {
		var err error
		if after, err = c.keyOf(c.pages.began); err != nil {
			return err
		}
	}
	for page := range from {
		out, err := c.hashPage(ctx, page.Page)
		if err != nil {
			return err
		}
		if c.Pass == PassBoth {
			if out.bounds.After = after; page.Done {
				out.bounds.UpTo, err = c.keyOf(page.end)
			} else {
				out.bounds.UpTo, err = c.lastKey(page.Last, out, after)
			}
			if err != nil {
				return err
			}
			after = out.bounds.UpTo
		}
		if err := send(ctx, to, out); err != nil {
			return err
		}
	}
	return nil
}

// keyOf returns the key of a place; a block without rows for an open end.
func (c *comparison) keyOf(place string) (rowset.Block, error) {
	if place == "" {
		return rowset.Block{}, nil
	}
	return c.source.KeyOf(c.table, place)
}

// lastKey returns the key of a page's last row, or of the last one that has a readable key. Those
// behind that one can't be compared: they are looked for with the next page.
func (c *comparison) lastKey(place string, page *hashedPage, after rowset.Block) (rowset.Block, error) {
	key, err := c.keyOf(place)
	if chferry.CodeOf(err) != chferry.CodeUnreadable {
		return key, err
	}
	if n := page.Keys.Rows(); n > 0 {
		return page.Keys.Slice(n-1, n), nil
	}
	return after, nil
}

// hashPage hashes the rows of a page as inserts would have them.
func (c *comparison) hashPage(ctx context.Context, page source.Page) (*hashedPage, error) {
	out := &hashedPage{place: page.Last, failed: newKeyList(c.table.KeyTypes())}
	for _, u := range page.Unfit {
		// No row of the destination has a key that can't be read here.
		_ = rowset.AppendPrimaryKey(out.failed, page.Keys[u.Key])
	}
	out.compared.Failed = int64(len(page.Unfit))
	if page.Rows.Rows() == 0 {
		out.Keys = source.NewKeyBlock(c.table, len(c.table.PrimaryKey))
		return out, nil
	}
	block := c.Plan.block(c.Database, page.Rows, nil, 0)
	expected, err := c.reader.Hash(ctx, c.rows, block)
	if err != nil {
		return nil, fmt.Errorf("hash rows of %s: %w", c.table.Name, err)
	}
	keys := c.keysOf(block)
	for _, r := range expected.Rejected {
		out.failed.appendFrom(keys, r.Row)
	}
	out.Hashed = expected.Hashed
	out.compared.Failed += int64(len(expected.Rejected))
	out.compared.Rows = int64(out.Keys.Rows())
	out.compared.Clamped = int64(expected.Changed)
	return out, nil
}

// keysOf returns the primary keys of a block's rows.
func (c *comparison) keysOf(block rowset.Block) keyList {
	keys := make(keyList, len(c.table.PrimaryKey))
	for i, name := range c.keys.Key {
		for at, column := range block.Columns {
			if column.Destination == name {
				keys[i] = block.Vectors[at]
			}
		}
	}
	return keys
}

// sum returns what the sink's sum is if it has the same rows.
func (p *hashedPage) sum() sink.Sum {
	sum := sink.Sum{Rows: uint64(len(p.Hashes))}
	for _, hash := range p.Hashes {
		sum.Hashes += hash
	}
	return sum
}

// append appends the page behind it.
func (p *hashedPage) append(next *hashedPage) {
	keys := rowset.NewBlock(p.Keys.Columns) // the vectors may be slices of others
	keys.Append(&p.Keys)
	keys.Append(&next.Keys)
	p.Keys, p.Hashes = keys, append(p.Hashes, next.Hashes...)
	for row := range next.failed.len() {
		p.failed.appendFrom(next.failed, row)
	}
	p.place = next.place
	p.compared.add(next.compared)
}
