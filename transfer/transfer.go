package transfer

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Transfer carries one batch from the storage through the sources into the sink. Its stages
// overlap: while a block is inserted, the next ones are read, and the chunks after them are cut. In
// memory are the chunks and blocks that the stages work on, and the keys of the batch.
type Transfer struct {
	*Pipeline
	Options
	key     chferry.ImportKey
	batch   chferry.Batch
	plan    Plan
	cutter  *cutter
	sources map[string]source.Source
	putBack []chferry.Operation // what waits for databases that are away

	mu      sync.Mutex
	outcome chferry.Counts
	reason  string // of the first operation that was set aside
	failed  []chferry.Operation
}

// How many chunks are read, and how many blocks inserted, at a time, each on a connection of its
// own. While the server sorts and writes one block, the next is made ready and sent.
const (
	readers   = 2
	inserters = 2
)

// Run carries the batch along a plan and returns when all its operations are in the sink, set aside
// or put back. What an earlier attempt set aside is forgotten first. The result is that so far if
// there is an error. Run is called once.
func (t *Transfer) Run(ctx context.Context, plan Plan) (Result, error) {
	err := t.run(ctx, plan)
	return Result{t.outcome, int64(len(t.putBack)), t.why()}, err
}

func (t *Transfer) run(ctx context.Context, plan Plan) error {
	sources, release, err := t.Sources.Use(plan.Import.Databases...)
	if err != nil {
		return err
	}
	defer release()
	if err := plan.madeOf(sources, plan.databases()...); err != nil {
		return err
	}
	t.plan, t.sources, t.cutter = plan, sources, newCutter(plan, t.batch)
	// Forgets what an attempt before this one set aside.
	if err := t.Storage.SetAside(ctx, t.key, t.Attempt, nil); err != nil {
		return err
	}
	if err := t.carry(ctx); err != nil {
		return err
	}
	// Before the batch may be removed. Done again, they wait twice, which costs one more look at their rows.
	if err := t.register(ctx, t.key, t.putBack); err != nil {
		return fmt.Errorf("put operations back: %w", err)
	}
	t.cutter.ask = t.askKeys(ctx)
	imported, err := newImported(t.cutter, t.failed)
	if err != nil {
		return err
	}
	return t.Storage.ForgetImported(ctx, t.key, t.Attempt, imported.has)
}

// carry runs the stages until all rows of the batch are in the sink.
func (t *Transfer) carry(ctx context.Context) error {
	stages, ctx := errgroup.WithContext(ctx)
	chunks, blocks := make(chan *chunk), make(chan *block)
	stages.Go(func() error {
		defer close(chunks)
		return t.cut(ctx, chunks)
	})
	stages.Go(func() error {
		defer close(blocks)
		return t.read(ctx, chunks, blocks)
	})
	for range inserters {
		stages.Go(func() error {
			for b := range blocks {
				if err := t.replaceEqual(ctx, b); err != nil {
					return err
				}
				if err := t.insertAll(ctx, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return stages.Wait()
}

// cut cuts the batch into chunks, and counts the operations that have no row of their own.
func (t *Transfer) cut(ctx context.Context, chunks chan<- *chunk) error {
	c := t.cutter
	c.ask = t.askKeys(ctx)
	pass := func(w *window) error {
		counts := chferry.Counts{Operations: int64(w.last - w.first), Coalesced: w.coalesced}
		if err := t.record(ctx, counts, w.failed); err != nil {
			return err
		}
		t.putBack = append(t.putBack, w.putBack...)
		for _, part := range c.chunks(w) {
			if err := send(ctx, chunks, part); err != nil {
				return err
			}
		}
		return nil
	}
	for ops, err := range t.Storage.BatchOperations(ctx, t.key, t.Attempt.Token, t.batch) {
		if err != nil {
			return err
		}
		if err := c.add(ops, pass); err != nil {
			return err
		}
	}
	return c.flush(pass)
}

func (t *Transfer) askKeys(ctx context.Context) askKeys {
	return func(database string, table rowset.Table, keys []chferry.PrimaryKey) ([]source.ReadKey, error) {
		return t.sources[database].ReadKeys(ctx, table, keys)
	}
}

func (t *Transfer) read(ctx context.Context, chunks <-chan *chunk, blocks chan<- *block) error {
	reading, ctx := errgroup.WithContext(ctx)
	r := &reader{sources: t.sources, plan: t.plan, version: t.batch.Version, pace: newPace(t.plan.Destination.Columns)}
	emit := func(b *block) error { return send(ctx, blocks, b) }
	unfit := func(failed []chferry.FailedOperation) error { return t.record(ctx, chferry.Counts{}, failed) }
	for range readers {
		reading.Go(func() error {
			for c := range chunks {
				if err := r.read(ctx, c, emit, unfit); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return reading.Wait()
}

// insertAll inserts a block, and after it the tombstones for other texts of its keys. An operation
// that is set aside leaves what the sink shows as it is, under whichever text.
func (t *Transfer) insertAll(ctx context.Context, b *block) error {
	own, others := b.split()
	failed, err := t.insert(ctx, own)
	if err != nil || others == nil {
		return err
	}
	if others = others.without(failed); others.Rows() > 0 {
		_, err = t.insert(ctx, others)
	}
	return err
}

// insert inserts a block and returns the operations that failed. If the sink refuses the block for
// what a row holds, insert inserts halves of it, and halves of those, until all but the rows at
// fault are in.
func (t *Transfer) insert(ctx context.Context, b *block) ([]chferry.FailedOperation, error) {
	rejected, err := t.insertBlock(ctx, b)
	if chferry.CodeOf(err) == chferry.CodeRefused {
		return t.narrow(ctx, b, err)
	}
	if err != nil {
		return nil, err
	}
	var done chferry.Counts
	for _, fate := range b.fates {
		count(&done, fate, 1)
	}
	failed := make([]chferry.FailedOperation, len(rejected))
	for i, r := range rejected {
		count(&done, b.fates[r.Row], -1)
		failed[i] = chferry.FailedOperation{Operation: b.ops.at(r.Row), Reason: r.Reason}
	}
	return failed, t.record(ctx, done, failed)
}

func (t *Transfer) narrow(ctx context.Context, b *block, refusal error) ([]chferry.FailedOperation, error) {
	n := b.Rows()
	if n > 1 {
		first, err := t.insert(ctx, b.part(0, n/2))
		if err != nil {
			return nil, err
		}
		second, err := t.insert(ctx, b.part(n/2, n))
		return append(first, second...), err
	}
	var done chferry.Counts
	if b.fates[0] == renamed || b.fates[0] == goneToo {
		count(&done, b.fates[0], -1)
	}
	_, reason := chferry.Safe(refusal)
	failed := []chferry.FailedOperation{{Operation: b.ops.at(0), Reason: reason}}
	return failed, t.record(ctx, done, failed)
}

// count counts n rows, or n deletes. An operation with several rows counts by that of its own,
// which fails with the others.
func count(o *chferry.Counts, fate fate, n int64) {
	switch {
	case fate == gone, fate == goneToo && n < 0:
		o.Deletes += n
	case fate == found, fate == renamed && n < 0:
		o.Rows += n
	}
}

// why returns why operations were set aside or put back, of the first; empty if none was.
func (t *Transfer) why() string {
	if t.reason != "" || len(t.putBack) == 0 {
		return t.reason
	}
	database, _ := t.plan.Import.Database(t.putBack[0].Database) // which was known when the operation was put back
	return t.plan.away[database]
}

// Progress returns what became of the operations whose fate is known. It may be called while the
// transfer runs, and before.
func (t *Transfer) Progress() chferry.Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.outcome
	o.Operations = o.Rows + o.Deletes + o.Coalesced + o.Failed
	return o
}

// record notes what became of operations, failed ones among them. Where more than max_failed have
// failed, the batch does: what is to be mended then is the table rather than its rows.
func (t *Transfer) record(ctx context.Context, done chferry.Counts, failed []chferry.FailedOperation) error {
	if err := t.add(done, failed); err != nil || len(failed) == 0 {
		return err
	}
	if err := t.Storage.SetAside(ctx, t.key, t.Attempt, failed); err != nil {
		return fmt.Errorf("set operations aside: %w", err)
	}
	return nil
}

func (t *Transfer) add(done chferry.Counts, failed []chferry.FailedOperation) error {
	done.Failed = int64(len(failed))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outcome.Add(done)
	for _, f := range failed {
		t.failed = append(t.failed, f.Operation)
	}
	if len(failed) > 0 && t.reason == "" {
		t.reason = failed[0].Reason
	}
	if t.outcome.Failed <= int64(t.MaxFailed) {
		return nil
	}
	return chferry.Errorf(chferry.CodeTooManyFailed,
		"more than %d operations of one batch can't be imported, the first because: %s; "+
			"the batch is kept: mend the table or the rows and run chferry sync %s, or raise the import's max_failed "+
			"to have them set aside, where chferry failed list %[3]s names them", t.MaxFailed, t.reason, t.key)
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
