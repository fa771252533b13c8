package clickhouse

import (
	"context"
	"time"
)

// sendContext returns the context of an insert, and what to call when the insert has ended. The
// context ends with ctx, with the client or after the timeout. It outlives the insert, which works
// around the driver: its Send leaves a goroutine behind for a moment, which closes the connection
// if the context ends, although the connection may serve another call by then.
func (c *Client) sendContext(ctx context.Context) (context.Context, func()) {
	const outlives = 10 * time.Second
	bounded, cancel := c.calls.begin(context.WithTimeout(context.WithoutCancel(ctx), c.opts.InsertTimeout))
	stop := context.AfterFunc(ctx, cancel)
	return bounded, func() {
		stop()
		time.AfterFunc(outlives, cancel)
	}
}
