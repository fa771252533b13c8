package transfer

import (
	"context"
	"errors"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/sink"
)

// A backfill may fill a new table, which is then exchanged with the destination. While it does, each
// block of a batch goes into the new table first, and then into the destination. If the tables are
// exchanged between the two, both inserts reach the new table, and only the old one lacks the block. In
// the other order the new table might lack it.

// Beside returns the plan with a table that each block of a transfer is inserted into, too. Errors:
// CodeSchemaMismatch if the table does not exist, or does not fit what the plan inserts.
func (p *Pipeline) Beside(ctx context.Context, plan Plan, table string) (Plan, error) {
	beside, err := p.Into(ctx, plan, table)
	if err == nil {
		plan.beside = &beside.Destination
	}
	return plan, err
}

// ErrGone is in the error for a table that does not exist, or no more.
var ErrGone = errors.New("the table is gone")

// Into returns the plan with another table in the place of the destination's. Errors:
// CodeSchemaMismatch if the table does not exist ([ErrGone]), or does not fit what the plan inserts.
func (p *Pipeline) Into(ctx context.Context, plan Plan, table string) (Plan, error) {
	destination := plan.Destination.Table
	plan.Destination.Table = table
	missing, err := p.missingFrom(ctx, plan)
	if err != nil {
		return plan, err
	}
	switch first := missing.Kind; first {
	case sink.Table:
		return plan, chferry.WrapError(chferry.CodeSchemaMismatch, ErrGone,
			"table %s, which was to replace %s, is gone", table, destination)
	case sink.Column:
		return plan, chferry.Errorf(chferry.CodeSchemaMismatch,
			"column %q was added to %s while %s, which is to replace that table, was filled",
			missing.Column, destination, table)
	}
	return plan, nil
}

// missingFrom returns the first statement that would make a plan's destination fit, but for its view.
func (p *Pipeline) missingFrom(ctx context.Context, plan Plan) (sink.Statement, error) {
	missing, err := plan.Missing(ctx, p.Sink)
	i := slices.IndexFunc(missing, func(s sink.Statement) bool { return s.Kind != sink.View })
	if err != nil || i < 0 {
		return sink.Statement{}, err
	}
	return missing[i], nil
}

// Replaceable returns what a [sink.Replacer] needs to know of an import's destination.
func Replaceable(imp chferry.Import) (sink.Destination, error) {
	of, err := engine.Named(imp.Engine)
	return sink.Destination{Table: imp.DestinationTable, Options: imp.Options, Engine: of}, err
}

// insertBlock inserts a block into the table beside the destination, if there is one, and into the
// destination. The tables have the same columns, so they reject the same rows.
func (t *Transfer) insertBlock(ctx context.Context, b *block) ([]sink.Rejected, error) {
	beside := t.plan.beside
	if beside == nil {
		return t.Sink.Insert(ctx, t.plan.Destination, b.Block, b.token)
	}
	_, err := t.Sink.Insert(ctx, *beside, b.Block, b.token)
	if err != nil {
		return nil, t.passing(err)
	}
	rejected, err := t.Sink.Insert(ctx, t.plan.Destination, b.Block, b.token)
	return rejected, t.passing(err)
}

// passing makes it an error that passes if one of two tables does not fit: the job has ended and dropped
// its table, or the server renames both at this moment. The next attempt looks at the tables anew.
func (t *Transfer) passing(err error) error {
	if chferry.CodeOf(err) != chferry.CodeSchemaMismatch {
		return err
	}
	return chferry.WrapError(chferry.CodeUnavailable, err,
		"table %s, or the one that is filled to replace it, has changed since the step began: the step begins anew",
		t.plan.Destination.Table)
}
