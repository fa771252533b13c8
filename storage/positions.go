package storage

import (
	"context"

	"github.com/chferry/chferry"
)

// Position is a place in the queue of one import key: an opaque text, which may be shown and sent.
// It holds no primary key.
type Position string

// Positions tells how far a queue has drained.
type Positions interface {
	// Position returns the place of the operation of key that was registered last. Once that place
	// has been passed, every operation that was registered before the call has left the queue. The
	// position of an empty queue has been passed.
	Position(ctx context.Context, key chferry.ImportKey) (Position, error)

	// Passed reports for each of positions whether all operations up to it have left the queue of
	// key: they were imported, set aside as failed operations, or flushed. Operations that wait,
	// that are in a claimed batch, or whose sync failed, have not left. A failed operation that is
	// retried gets a new place, and does not hold up older positions. One call asks the storage
	// once, however many positions there are and however long the queue is.
	//
	// Errors: CodeInvalid for a text that is no position.
	Passed(ctx context.Context, key chferry.ImportKey, positions ...Position) ([]bool, error)
}
