package transfer

import (
	"context"
	"iter"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// MaxChunk bounds the operations of one insert, which are held in memory with their rows.
const MaxChunk = 25_000

// Pipeline is where rows come from and go to. It is safe for concurrent use.
type Pipeline struct {
	Storage Storage
	Sources Sources
	Sink    sink.Sink

	unfilled unfilledColumns
}

// Sources are the databases that rows come from: a [source.Pool], or a [source.Fixed].
type Sources interface {
	// Use returns the databases with these aliases, which stay open until release is called. One
	// that is not configured is absent.
	Use(aliases ...string) (sources map[string]source.Source, release func(), err error)
}

// Storage is what the way of rows needs of a storage. The methods are those of [storage.Storage].
type Storage interface {
	storage.Registrar
	storage.Memory
	BatchOperations(ctx context.Context, key chferry.ImportKey, token string,
		batch chferry.Batch) iter.Seq2[[]chferry.Operation, error]
	SetAside(ctx context.Context, key chferry.ImportKey, by storage.Attempt, failed []chferry.FailedOperation) error
	ForgetImported(ctx context.Context, key chferry.ImportKey, by storage.Attempt,
		imported func([]chferry.Operation) ([]bool, error)) error
}

// Options are of one transfer.
type Options struct {
	// Attempt is the attempt to import the batch, by which the storage tells it from those before and behind it.
	Attempt storage.Attempt
	// MaxFailed is how many operations may be set aside before the transfer fails.
	MaxFailed int
}

// Result says what became of a batch's operations.
type Result struct {
	chferry.Counts
	// PutBack is the number of operations that wait in the queue again, because their database does
	// not answer. They count as coalesced.
	PutBack int64
	// Reason is why the first of the failed operations can't be imported, or why operations were
	// put back; empty if neither happened.
	Reason string
}

// Begin returns a transfer of a claimed batch, which [Transfer.Run] runs.
func (p *Pipeline) Begin(key chferry.ImportKey, batch chferry.Batch, opts Options) *Transfer {
	return &Transfer{Pipeline: p, key: key, batch: batch, Options: opts}
}

// register registers operations, however many.
func (p *Pipeline) register(ctx context.Context, key chferry.ImportKey, ops []chferry.Operation) error {
	for some := range slices.Chunk(ops, chferry.MaxOperations) {
		if _, err := p.Storage.RegisterOperations(ctx, key, some...); err != nil {
			return err
		}
	}
	return nil
}
