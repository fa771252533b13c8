package sink

import "context"

// Gauge is a [Sink] that can tell how far its server is behind with what inserts leave to do.
type Gauge interface {
	// PartsPressure returns how many parts the destination's table has, as a share of those from
	// which on the server slows inserts down: 0 for an empty table, 1 or more if inserts are slow or
	// refused. A writer that is in no hurry waits until the number is well below 1. It returns 0 for
	// a table that does not exist, and where the server does not count parts.
	PartsPressure(ctx context.Context, d Destination) (float64, error)
}
