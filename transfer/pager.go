package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// RangeGiver is what the reader of a range asks of the range's owner beside saving its place.
type RangeGiver interface {
	// GiveAway gives what is behind a place away: the range ends there.
	GiveAway(ctx context.Context, place string) error
}

// pager reads the pages of a range, and gives a half of what remains away when it is told to. One
// goroutine reads; any may call halveNext.
type pager struct {
	from  source.Ranger
	table rowset.Table
	began string      // where the range begins
	ask   source.Scan // for what was not read yet
	most  int         // rows that a page should have, by how long pages take
	pace  func(ctx context.Context, wanted int) (rows int, err error)
	giver RangeGiver
	halve chan bool
}

func newPager(from source.Ranger, table rowset.Table, ask source.Scan,
	pace func(ctx context.Context, wanted int) (int, error), giver RangeGiver,
) *pager {
	return &pager{
		from: from, table: table, began: ask.After, ask: ask, most: MaxChunk, pace: pace, giver: giver,
		halve: make(chan bool, 1),
	}
}

// halveNext has a half given away before the next page is read.
func (p *pager) halveNext() {
	select {
	case p.halve <- true:
	default: // it will be
	}
}

// giveAway gives half of what remains away if it is wanted, and there is a half.
func (p *pager) giveAway(ctx context.Context) error {
	select {
	case <-p.halve:
	default:
		return nil
	}
	place, err := p.from.Halve(ctx, p.table, p.ask.Range)
	if err != nil || place == "" {
		return err
	}
	if err := p.giver.GiveAway(ctx, place); err != nil {
		return err
	}
	p.ask.UpTo = place
	return nil
}

// wait waits until the next page may be read.
func (p *pager) wait(ctx context.Context) (err error) {
	if p.ask.Rows = p.most; p.pace != nil {
		p.ask.Rows, err = p.pace(ctx, p.most)
	}
	return err
}

// slowScan is how long the source may take for a page before smaller ones are asked for.
const slowScan = 5 * time.Second

// scan reads the next page. It asks for half of the rows, and for half of those, while the source
// finds them too many.
func (p *pager) scan(ctx context.Context) (source.Page, error) {
	for {
		began := time.Now()
		page, err := p.from.Scan(ctx, p.table, p.ask)
		var tooMuch *source.TooMuchError
		if errors.As(err, &tooMuch) && p.ask.Rows > 1 {
			p.ask.Rows = max(1, min(tooMuch.Rows, p.ask.Rows/2))
			p.most = p.ask.Rows
			continue
		}
		switch took := time.Since(began); {
		case took > slowScan:
			p.most = max(1, p.most/2)
		case took < slowScan/4:
			p.most = min(2*p.most, MaxChunk)
		}
		if n := page.Rows.Rows(); n > 0 { // the next page is to fill a block
			p.most = min(p.most, n*fullBlock/page.Bytes()+1)
		}
		if page.Last != "" {
			p.ask.After = page.Last
		}
		return page, err
	}
}
