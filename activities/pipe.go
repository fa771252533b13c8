package activities

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// pipe carries one batch from the storage through the sources into the sink. Its stages overlap: while a block is inserted, the next
// ones are read, and the chunks after them are cut. In memory are the chunks and blocks that the stages work on, and the keys of the
// batch.
type pipe struct {
	*Activities
	plan      Plan
	in        InsertBatchInput
	maxFailed int
	attempt   storage.Attempt
	cutter    *cutter
	putBack   []chferry.Operation // what waits for databases that are away

	mu      sync.Mutex
	outcome chferry.Outcome
	reason  string // of the first operation that was set aside
	failed  []chferry.Operation
}

// How many chunks are read, and how many blocks inserted, at a time, each on a connection of its own. While the server sorts and writes
// one block, the next is made ready and sent.
const (
	readers   = 2
	inserters = 2
)

func newPipe(a *Activities, in InsertBatchInput, maxFailed int, attempt int64) *pipe {
	return &pipe{
		Activities: a, in: in, maxFailed: maxFailed,
		attempt: storage.Attempt{Token: in.Token, BatchID: in.Ticket.Batch, Number: attempt},
	}
}

func (p *pipe) run(ctx context.Context, plan Plan) (chferry.Outcome, error) {
	p.plan, p.cutter = plan, newCutter(plan, p.in.Ticket)
	// Forgets what an attempt before this one set aside.
	if err := p.Storage.SetAside(ctx, p.in.ImportKey, p.attempt, nil); err != nil {
		return chferry.Outcome{}, err
	}
	if err := p.carry(ctx); err != nil {
		return p.outcome, err
	}
	// Before the batch may be removed. Done again, they wait twice, which costs one more look at their rows.
	for ops := range slices.Chunk(p.putBack, chferry.MaxOperations) {
		if _, err := p.Storage.RegisterOperations(ctx, p.in.ImportKey, ops...); err != nil {
			return p.outcome, fmt.Errorf("put operations back: %w", err)
		}
	}
	p.cutter.ask = p.askKeys(ctx)
	imported, err := newImported(p.cutter, p.failed)
	if err != nil {
		return p.outcome, err
	}
	return p.outcome, p.Storage.ForgetImported(ctx, p.in.ImportKey, p.attempt, imported.has)
}

// carry runs the stages until all rows of the batch are in the sink.
func (p *pipe) carry(ctx context.Context) error {
	stages, ctx := errgroup.WithContext(ctx)
	chunks, blocks := make(chan *chunk), make(chan *block)
	stages.Go(func() error {
		defer close(chunks)
		return p.cut(ctx, chunks)
	})
	stages.Go(func() error {
		defer close(blocks)
		return p.read(ctx, chunks, blocks)
	})
	for range inserters {
		stages.Go(func() error {
			for b := range blocks {
				if err := p.replaceEqual(ctx, b); err != nil {
					return err
				}
				if err := p.insert(ctx, b); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return stages.Wait()
}

// cut cuts the batch into chunks, and counts the operations that have no row of their own.
func (p *pipe) cut(ctx context.Context, chunks chan<- *chunk) error {
	c := p.cutter
	c.ask = p.askKeys(ctx)
	pass := func(w *window) error {
		done := chferry.Outcome{Operations: int64(w.last - w.first), Coalesced: w.coalesced}
		if err := p.settle(ctx, done, w.failed); err != nil {
			return err
		}
		p.putBack = append(p.putBack, w.putBack...)
		for _, part := range c.chunks(w) {
			if err := send(ctx, chunks, part); err != nil {
				return err
			}
		}
		return nil
	}
	for ops, err := range p.Storage.BatchOperations(ctx, p.in.ImportKey, p.in.Token, p.in.Ticket.batch()) {
		if err != nil {
			return err
		}
		if err := c.add(ops, pass); err != nil {
			return err
		}
	}
	return c.flush(pass)
}

func (p *pipe) askKeys(ctx context.Context) askKeys {
	return func(database string, table rowset.Table, keys []chferry.PrimaryKey) ([]source.ReadKey, error) {
		return p.Sources[database].ReadKeys(ctx, table, keys)
	}
}

func (p *pipe) read(ctx context.Context, chunks <-chan *chunk, blocks chan<- *block) error {
	reading, ctx := errgroup.WithContext(ctx)
	r := &reader{Activities: p.Activities, plan: p.plan, in: p.in, pace: newPace(p.plan.Destination.Columns)}
	emit := func(b *block) error { return send(ctx, blocks, b) }
	unfit := func(failed []chferry.FailedOperation) error { return p.settle(ctx, chferry.Outcome{}, failed) }
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

// insert inserts a block. If the sink refuses it for what a row holds, it inserts halves of it, and halves of those, until
// all but the rows at fault are in.
func (p *pipe) insert(ctx context.Context, b *block) error {
	rejected, err := p.Sink.Insert(ctx, p.plan.Destination, b.Block, b.token)
	if chferry.CodeOf(err) == chferry.CodeRefused {
		return p.narrow(ctx, b, err)
	}
	if err != nil {
		return err
	}
	var done chferry.Outcome
	for _, fate := range b.fates {
		count(&done, fate, 1)
	}
	failed := make([]chferry.FailedOperation, len(rejected))
	for i, r := range rejected {
		count(&done, b.fates[r.Row], -1)
		failed[i] = chferry.FailedOperation{Operation: b.ops.at(r.Row), Reason: r.Reason}
	}
	return p.settle(ctx, done, failed)
}

func (p *pipe) narrow(ctx context.Context, b *block, refusal error) error {
	n := b.Rows()
	if n > 1 {
		if err := p.insert(ctx, b.part(0, n/2)); err != nil {
			return err
		}
		return p.insert(ctx, b.part(n/2, n))
	}
	var done chferry.Outcome
	if b.fates[0] == renamed || b.fates[0] == goneToo {
		count(&done, b.fates[0], -1)
	}
	_, reason := safe(refusal)
	return p.settle(ctx, done, []chferry.FailedOperation{{Operation: b.ops.at(0), Reason: reason}})
}

// count counts n rows, or n deletes. An operation with several rows counts by that of its own, which fails with the others.
func count(o *chferry.Outcome, fate fate, n int64) {
	switch {
	case fate == gone, fate == goneToo && n < 0:
		o.Deletes += n
	case fate == found, fate == renamed && n < 0:
		o.Rows += n
	}
}

// why returns why operations were set aside or put back, of the first; empty if none was.
func (p *pipe) why() string {
	if p.reason != "" || len(p.putBack) == 0 {
		return p.reason
	}
	database, _ := p.plan.Import.Database(p.putBack[0].Database) // which was known when the operation was put back
	return p.plan.away[database]
}

// done returns what became of the operations whose fate is known.
func (p *pipe) done() *Outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := Outcome(p.outcome)
	o.Operations = o.Rows + o.Deletes + o.Coalesced + o.Failed
	return &o
}

// settle notes what became of operations, failed ones among them. Where more than max_failed have failed, the batch does: what is to be
// mended then is the table rather than its rows.
func (p *pipe) settle(ctx context.Context, done chferry.Outcome, failed []chferry.FailedOperation) error {
	if err := p.add(done, failed); err != nil || len(failed) == 0 {
		return err
	}
	if err := p.Storage.SetAside(ctx, p.in.ImportKey, p.attempt, failed); err != nil {
		return fmt.Errorf("set operations aside: %w", err)
	}
	return nil
}

func (p *pipe) add(done chferry.Outcome, failed []chferry.FailedOperation) error {
	done.Failed = int64(len(failed))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outcome.Add(done)
	for _, f := range failed {
		p.failed = append(p.failed, f.Operation)
	}
	if len(failed) > 0 && p.reason == "" {
		p.reason = failed[0].Reason
	}
	if p.outcome.Failed <= int64(p.maxFailed) {
		return nil
	}
	return chferry.Errorf(chferry.CodeTooManyFailed, "more than %d operations of one batch can't be imported, the first because: %s; "+
		"the batch is kept: mend that, or raise max_failed to have them set aside", p.maxFailed, p.reason)
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
