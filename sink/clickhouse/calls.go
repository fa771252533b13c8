package clickhouse

import (
	"context"
	"sync"
)

// calls are those that go on, so that a client which is closed leaves none behind that waits for a silent server.
type calls struct {
	mu      sync.Mutex
	cancels map[*context.CancelFunc]struct{}
	ended   bool
}

// begin notes a call by its context, which ends when the client is closed. The returned function ends the call.
func (c *calls) begin(ctx context.Context, cancel context.CancelFunc) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		cancel()
		return ctx, cancel
	}
	if c.cancels == nil {
		c.cancels = map[*context.CancelFunc]struct{}{}
	}
	c.cancels[&cancel] = struct{}{}
	return ctx, func() {
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.cancels, &cancel)
	}
}

// end ends all calls, and those that begin later.
func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for cancel := range c.cancels {
		(*cancel)()
	}
}

func (c *calls) hasEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
