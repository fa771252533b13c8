package redis

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/chferry/chferry"
)

// registration is one call of RegisterOperations on its way.
type registration struct {
	key  chferry.ImportKey
	ops  []chferry.Operation
	done chan error // answered once, unless its caller has left
}

// group sends registrations. The first goes at once, by itself. Those that come while it is on its way wait, and then go
// together in one round trip: the more callers, the fewer commands each of them costs Redis.
type group struct {
	send func(ctx context.Context, together []*registration)

	mu      sync.Mutex
	busy    bool
	waiting []*registration
}

// register returns when r was sent and answered, or when its context ends. A registration that its caller left while it was
// waiting is not sent.
func (g *group) register(ctx context.Context, r *registration) error {
	r.done = make(chan error, 1)
	g.mu.Lock()
	if g.busy {
		g.waiting = append(g.waiting, r)
		g.mu.Unlock()
		return g.wait(ctx, r)
	}
	g.busy = true
	g.mu.Unlock()
	// Alone it needs no goroutine, and its own context ends it.
	g.send(ctx, []*registration{r})
	if next := g.next(); next != nil {
		go g.sendWaiting(context.WithoutCancel(ctx), next)
	}
	return <-r.done
}

func (g *group) wait(ctx context.Context, r *registration) error {
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		g.mu.Lock()
		g.waiting = slices.DeleteFunc(g.waiting, func(other *registration) bool { return other == r })
		g.mu.Unlock()
		return ctx.Err()
	}
}

// sendWaiting sends until nobody waits. It is not stopped by the context of any one caller: others may wait for it.
func (g *group) sendWaiting(ctx context.Context, together []*registration) {
	for together != nil {
		limited, cancel := context.WithTimeout(ctx, ioTimeout)
		g.send(limited, together)
		cancel()
		runtime.Gosched() // those who are about to wait go with the next ones
		together = g.next()
	}
}

// next takes those that wait, as many as one call may register; nil means that nobody does, and that the group is idle.
func (g *group) next() []*registration {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, operations := 0, 0
	for n < len(g.waiting) && (n == 0 || operations+len(g.waiting[n].ops) <= chferry.MaxOperations) {
		operations += len(g.waiting[n].ops)
		n++
	}
	if n == 0 {
		g.busy = false
		return nil
	}
	together := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return together
}
