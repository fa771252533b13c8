package sink

import (
	"context"

	"github.com/chferry/chferry/rowset"
)

// Streamer is a [Sink] that takes many blocks as one insert. Its server makes few large parts of
// them, which costs it less than to make a part of each block and merge those.
type Streamer interface {
	// Stream begins an insert of blocks with the given columns into a destination whose engine
	// replaces rows. The caller ends it with Finish or Abort. It also ends with ctx, and after the
	// time that a single insert may take.
	Stream(ctx context.Context, d Destination, columns []rowset.Column) (Stream, error)
}

// Stream is an insert of many blocks. It is used by one goroutine at a time.
//
// Until Finish has returned, the server may have all, some or none of the rows. An error of any method ends the stream.
// The reason may be one that [Sink.Insert] tells better: the server's answer may be lost.
type Stream interface {
	// Append sends a block and returns the rows that are left out, as Insert does. If full is true, Finish is to be
	// called next.
	Append(block rowset.Block) (rejected []Rejected, full bool, err error)
	// Finish returns when the server has all blocks.
	Finish() error
	// Abort ends a stream that is not finished. It does nothing otherwise.
	Abort()
}
