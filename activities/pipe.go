package activities

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
)

// pipe carries one batch from the storage through the sources into the sink. Its stages overlap: while one chunk is
// inserted, the next is read and the one after it is cut. So three chunks at most are in memory.
type pipe struct {
	*Activities
	plan    Plan
	in      InsertBatchInput
	outcome chferry.Outcome
}

func newPipe(a *Activities, plan Plan, in InsertBatchInput) *pipe {
	return &pipe{Activities: a, plan: plan, in: in}
}

func (p *pipe) run(ctx context.Context) (chferry.Outcome, error) {
	// An attempt before this one may have set operations aside.
	if err := p.Storage.SetAside(ctx, p.in.ImportKey, p.in.Token, p.in.Ticket.batch(), true, nil); err != nil {
		return chferry.Outcome{}, err
	}
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
	stages.Go(func() error { return p.insert(ctx, blocks) })
	err := stages.Wait()
	return p.outcome, err
}

func (p *pipe) cut(ctx context.Context, chunks chan<- *chunk) error {
	c := newCutter(p.plan, p.in.Ticket.ChunkSize)
	pass := func(c *chunk) error { return send(ctx, chunks, c) }
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

func (p *pipe) read(ctx context.Context, chunks <-chan *chunk, blocks chan<- *block) error {
	for c := range chunks {
		b, err := p.Activities.read(ctx, p.plan, c, p.in.Ticket.Version)
		if err != nil {
			return err
		}
		if err := send(ctx, blocks, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipe) insert(ctx context.Context, blocks <-chan *block) error {
	for b := range blocks {
		if err := p.insertOne(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipe) insertOne(ctx context.Context, b *block) error {
	failed := slices.Concat(b.chunk.failed, b.unfit)
	done := chferry.Outcome{Operations: int64(b.chunk.last - b.chunk.first), Coalesced: b.chunk.coalesced}
	for _, found := range b.rows {
		count(&done, found, 1)
	}
	if b.Rows() > 0 {
		// The token is the same whenever this chunk is inserted, and no other's.
		token := fmt.Sprintf("%s/%d/%d-%d", p.in.ImportKey, p.in.Ticket.Version, b.chunk.first, b.chunk.last)
		rejected, err := p.Sink.Insert(ctx, p.plan.Destination, b.Block, token)
		if err != nil {
			return err
		}
		for _, r := range rejected {
			count(&done, b.rows[r.Row], -1)
			failed = append(failed, chferry.FailedOperation{Operation: b.ops[r.Row], Reason: r.Reason})
		}
	}
	done.Failed = int64(len(failed))
	p.outcome.Add(done)
	if len(failed) == 0 {
		return nil
	}
	return p.Storage.SetAside(ctx, p.in.ImportKey, p.in.Token, p.in.Ticket.batch(), false, failed)
}

// count counts n rows, or n deletes.
func count(o *chferry.Outcome, found bool, n int64) {
	if found {
		o.Rows += n
	} else {
		o.Deletes += n
	}
}

func send[T any](ctx context.Context, to chan<- T, value T) error {
	select {
	case to <- value:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
