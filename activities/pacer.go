package activities

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
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

	destination sink.Destination // that is written to; the zero value: none
	asked       time.Time        // when the sink was asked last how far it is behind
	waiting     atomic.Value     // of string: what the reader waits for
}

// A reader waits while ClickHouse has nearly as many parts as slow its inserts down, syncs' among them.
const (
	askEvery     = 5 * time.Second
	highPressure = 0.7
)

// into makes the reader wait for merges of a destination.
func (p *pacer) into(d sink.Destination) { p.destination = d }

// awaitMerges returns when the server is not behind with merges.
func (p *pacer) awaitMerges(ctx context.Context) error {
	gauge, ok := p.Pipeline.Sink.(sink.Gauge)
	if !ok || p.destination.Table == "" || time.Since(p.asked) < askEvery {
		return nil
	}
	defer p.waiting.Store("")
	for {
		pressure, err := gauge.PartsPressure(ctx, p.destination)
		p.asked = time.Now()
		if err != nil || pressure < highPressure {
			return err
		}
		p.waiting.Store("for merges: the table has nearly as many parts as slow its inserts down")
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
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
	if err := p.awaitMerges(ctx); err != nil {
		return 0, err
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
