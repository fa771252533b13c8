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
	key        chferry.ImportKey
	value      []byte // the operations as they stand in an entry
	operations int
	done       chan error // gets one answer; its caller may have left
}

// group sends registrations. The first goes at once, by itself. Registrations that come meanwhile
// wait, and then go together in one round trip: the more callers there are, the fewer commands each
// costs Redis.
type group struct {
	send func(ctx context.Context, registrations []*registration)

	mu      sync.Mutex
	busy    bool
	waiting []*registration
}

// register returns when r was answered, or when the context ends. If the caller gives up while its
// registration is queued, the registration is dropped.
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

// sendWaiting sends queued registrations until there are none. The context of one caller does not
// stop it: others may wait.
func (g *group) sendWaiting(ctx context.Context, registrations []*registration) {
	for registrations != nil {
		limited, cancel := context.WithTimeout(ctx, ioTimeout)
		g.send(limited, registrations)
		cancel()
		runtime.Gosched() // callers that are about to queue a registration go with the next ones
		registrations = g.next()
	}
}

// next takes queued registrations, as many as one call may register; nil means that there are none
// and that the group is idle.
func (g *group) next() []*registration {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, operations := 0, 0
	for n < len(g.waiting) && (n == 0 || operations+g.waiting[n].operations <= chferry.MaxOperations) {
		operations += g.waiting[n].operations
		n++
	}
	if n == 0 {
		g.busy = false
		return nil
	}
	registrations := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return registrations
}
