package nudge

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
)

const (
	// callTimeout bounds one nudge.
	callTimeout = 5 * time.Second
	// parallel is the number of nudges that are under way at once, each of another key.
	parallel = 32
	// idle is when to look again if no key is in the set.
	idle = time.Hour
)

func (n *Nudger) run(ctx context.Context) {
	defer close(n.ended)
	var flights sync.WaitGroup
	for {
		due, next := n.take()
		for _, key := range due {
			flights.Go(func() {
				n.nudgeOne(ctx, key)
				n.landed(key)
			})
		}
		timer := time.NewTimer(next)
		select {
		case <-n.wake:
		case <-timer.C:
		case <-n.closing:
			timer.Stop()
			flights.Wait()
			n.nudgeRest(ctx)
			return
		}
		timer.Stop()
	}
}

// take takes keys whose time has come, as many as may be under way. The next ones come after next,
// unless the loop is woken before.
func (n *Nudger) take() (due []chferry.ImportKey, next time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	next = idle
	for key, s := range n.keys {
		if !s.wanted || s.flying || n.flying == parallel { // its landing wakes the loop
			continue
		}
		if wait := max(s.due.Sub(now), s.trouble.wait(now), n.down.wait(now)); wait > 0 {
			next = min(next, wait)
			continue
		}
		s.take(now)
		s.flying = true
		n.flying++
		due = append(due, key)
	}
	return due, next
}

// landed notes that a nudge is no longer under way, so that others are taken.
func (n *Nudger) landed(key chferry.ImportKey) {
	n.mu.Lock()
	n.keys[key].flying = false
	n.flying--
	n.mu.Unlock()
	n.look()
}

// nudgeRest nudges all keys that still want a nudge, and returns when all are done.
func (n *Nudger) nudgeRest(ctx context.Context) {
	n.mu.Lock()
	var keys []chferry.ImportKey
	for key, s := range n.keys {
		if s.wanted {
			keys = append(keys, key)
		}
	}
	n.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(parallel)
	for _, key := range keys {
		group.Go(func() error {
			n.nudgeOne(ctx, key)
			return nil
		})
	}
	_ = group.Wait() // a nudge that fails is noted, and stops no other
}

func (n *Nudger) nudgeOne(ctx context.Context, key chferry.ImportKey) {
	if n.putBack(key) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := n.scheduler.Nudge(ctx, key); err != nil {
		n.failed(key, err)
		return
	}
	n.log.Debug("nudged", "import_key", key)
	if n.succeeded(key) {
		n.log.Info("nudges reach Temporal again")
	}
}

// putBack puts the key back if the scheduler is down, as another key may have found out meanwhile.
func (n *Nudger) putBack(key chferry.ImportKey) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	down := n.down.wait(time.Now()) > 0
	if down {
		n.keys[key].again()
	}
	return down
}

// failed puts the key back and tells of the first failure of a series.
func (n *Nudger) failed(key chferry.ImportKey, err error) {
	code := chferry.CodeOf(err)
	n.mu.Lock()
	s := n.keys[key]
	s.again()
	what := &s.trouble
	if code == chferry.CodeUnavailable {
		what = &n.down
	}
	first := what.failed(time.Now())
	n.mu.Unlock()
	switch {
	case !first:
	case code == chferry.CodeUnavailable:
		n.log.Warn("nudges do not reach Temporal: operations go on being registered, and are synced when their "+
			"schedules tick", "error", err)
	default:
		n.log.Warn("an import key can't be nudged: its operations are synced when its schedule ticks",
			"import_key", key, "code", code, "error", err)
	}
}

// succeeded tells whether the scheduler was down.
func (n *Nudger) succeeded(key chferry.ImportKey) (wasDown bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wasDown = n.down.failures > 0
	n.down, n.keys[key].trouble = trouble{}, trouble{}
	return wasDown
}
