package transfer

import (
	"context"
	"fmt"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

const (
	// pagesAhead is how many pages wait for the sink's sums, which are asked for together.
	pagesAhead = 4
	// someSuspects is how many suspects of a page are passed on at a time.
	someSuspects = 2_500
)

// compareRanges compares the sums of each page's range, and the rows of those that are not equal.
func (c *comparison) compareRanges(ctx context.Context, emit func(finding) error) error {
	return c.hashPages(ctx, func(ctx context.Context, pages <-chan *hashedPage) error {
		for first := range pages {
			some := append([]*hashedPage{first}, waiting(pages)...)
			ranges := make([]sink.Range, len(some))
			for i, page := range some {
				ranges[i] = page.bounds
			}
			sums, err := c.reader.Sums(ctx, c.rows, ranges)
			if err != nil {
				return fmt.Errorf("compare ranges of %s: %w", c.table.Name, err)
			}
			for i, page := range some {
				if err := c.compareRange(ctx, page, sums[i], emit); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// waiting returns the pages that wait already.
func waiting(pages <-chan *hashedPage) (some []*hashedPage) {
	for range pagesAhead {
		select {
		case page, ok := <-pages:
			if !ok {
				return some
			}
			some = append(some, page)
		default:
			return some
		}
	}
	return some
}

// compareRange compares the rows of a page's range unless their sums are equal. In memory are the
// page and a page of the sink, however many rows the sink has in the range.
func (c *comparison) compareRange(ctx context.Context, page *hashedPage, sum sink.Sum, emit func(finding) error) error {
	out := c.pageOf(page, emit)
	if sum == page.sum() {
		return out.end()
	}
	set := newKeySet(page)
	for rest, done := page.bounds, false; !done; {
		found, err := c.reader.Page(ctx, c.rows, rest, MaxChunk)
		if err != nil {
			return fmt.Errorf("compare rows of %s: %w", c.table.Name, err)
		}
		set.meet(found.Hashed, out.suspects)
		if err := out.pass(); err != nil {
			return err
		}
		rest, done = found.Rest(rest), found.Done
	}
	set.missing(out.suspects)
	return out.end()
}

// foundPage is a page whose suspects are collected.
type foundPage struct {
	number   int64
	types    []rowset.Type
	suspects keyList
	place    string
	compared Compared
	emit     func(finding) error
}

func (c *comparison) pageOf(page *hashedPage, emit func(finding) error) *foundPage {
	types := c.table.KeyTypes()
	return &foundPage{
		number: c.next(), types: types, suspects: newKeyList(types), place: page.place, compared: page.compared,
		emit: emit,
	}
}

// pass passes the suspects on.
func (f *foundPage) pass() error {
	all := f.suspects
	for first := 0; first < all.len(); first += someSuspects {
		some := all.slice(first, min(first+someSuspects, all.len()))
		if err := f.emit(finding{page: f.number, suspects: some}); err != nil {
			return err
		}
	}
	f.suspects = newKeyList(f.types)
	return nil
}

// end passes on what is left, and that the page has no more suspects.
func (f *foundPage) end() error {
	if err := f.pass(); err != nil {
		return err
	}
	return f.emit(finding{page: f.number, last: true, place: f.place, compared: f.compared})
}
