package activities

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// CopyRanges copies ranges of a backfill, one after the other, until all ranges are finished. Done
// again it goes on behind the last place that was saved.
func (a *Activities) CopyRanges(ctx context.Context, in ReadRangesInput) (struct{}, error) {
	return struct{}{}, a.readRanges(ctx, in, CopyRangesName, storage.Backfill, copyRange)
}

// copyRange copies the range that a reader has. Its plan is made now, so that a long job sees what has changed.
func copyRange(ctx context.Context, r *rangeReader, imp chferry.Import, options string) error {
	asked, err := optionsOf(r.imp.Key, options)
	if err != nil {
		return err
	}
	plan, err := r.Pipeline.Plan(ctx, imp)
	if err != nil {
		return err
	}
	into := plan
	if asked.Table != "" {
		if into, err = r.Pipeline.Into(ctx, plan, asked.Table); err != nil {
			return beginAnew(err)
		}
	}
	r.pace.into(into.Destination)
	work := transfer.Copy{
		Pipeline: r.Pipeline, Plan: into, Database: r.claim.Database, Where: asked.Where,
		MaxFailed: imp.Limits.WithDefaults().MaxFailed,
		Mint:      func(ctx context.Context) (uint64, error) { return r.mint(ctx, plan) },
		Pace:      r.pace.wait,
	}
	err = work.Run(ctx, transfer.Range{After: r.claim.After, UpTo: r.claim.UpTo}, copyWork{r})
	if asked.Table != "" {
		err = beginAnew(err)
	}
	return err
}

func (r *rangeReader) mint(ctx context.Context, plan transfer.Plan) (uint64, error) {
	return r.Storage.Mint(ctx, r.imp.Key, func(ctx context.Context) (uint64, error) {
		return r.Pipeline.Sink.MaxVersion(ctx, plan.Destination)
	})
}

// copyWork is the range of a reader that copies.
type copyWork struct{ *rangeReader }

// Save implements [transfer.RangeWork].
func (w copyWork) Save(ctx context.Context, place string, copied transfer.Copied) (halve bool, err error) {
	halve, err = w.save(ctx, place, storage.RangeCounts{Rows: copied.Rows, Failed: copied.Failed}, nil)
	if err == nil {
		w.Observer.RowsCopied(w.imp.Key, copied.Rows)
	}
	return halve, err
}
