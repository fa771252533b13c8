package activities

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/chferry/chferry"
)

// A reader lets a sync of its import key go first: between two pages it waits while a batch is in
// flight, but not for longer than longestYield, so that a busy or failing sync does not stop it.
const (
	yieldPause   = 50 * time.Millisecond
	longestYield = time.Second
)

// pacer says when a reader may read its next page.
type pacer struct {
	*Activities
	key   chferry.ImportKey
	limit *rate.Limiter // nil: none
}

func newPacer(a *Activities, key chferry.ImportKey, rowsPerSecond float64) *pacer {
	p := &pacer{Activities: a, key: key}
	if rowsPerSecond > 0 {
		p.limit = rate.NewLimiter(rate.Limit(rowsPerSecond), max(1, int(rowsPerSecond)))
	}
	return p
}

// wait returns when a page may be read, and how many rows it may have.
func (p *pacer) wait(ctx context.Context, wanted int) (rows int, err error) {
	for began := time.Now(); time.Since(began) < longestYield; {
		statuses, err := p.Storage.Status(ctx, p.key)
		if err != nil {
			return 0, err
		}
		if statuses[0].InFlight == 0 {
			break
		}
		if err := pause(ctx, yieldPause); err != nil {
			return 0, err
		}
	}
	if p.limit == nil {
		return wanted, nil
	}
	rows = min(wanted, p.limit.Burst())
	if err := p.limit.WaitN(ctx, rows); err != nil {
		return 0, context.Cause(ctx)
	}
	return rows, nil
}
