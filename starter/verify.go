package starter

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// VerifyOptions say what a verify compares, and what becomes of differences.
type VerifyOptions struct {
	activities.VerifyRequest
	Repair   bool    // registers operations on the rows that differ
	Sample   float64 // the share of the ranges that are compared; 0: all
	Parallel int     // readers; 0: [chferry.DefaultParallel]
}

// StartVerify starts a verify of an import, whose schedule must exist. What no history may hold goes into the
// storage. Errors: CodeClaimed if one runs already.
func (s *Starter) StartVerify(ctx context.Context, imp chferry.Import, requests storage.Requests,
	opts VerifyOptions,
) error {
	if err := s.startable(ctx, imp.Key, workflows.VerifyID(s.prefix, imp.Key)); err != nil {
		return err
	}
	request, err := keepRequest(ctx, requests, imp.Key, storage.Verify, opts.VerifyRequest)
	if err != nil {
		return err
	}
	summary := fmt.Sprintf("verify %s: compare %s with %s", imp.Key, imp.Table, imp.DestinationTable)
	return s.startJob(ctx, imp, workflows.VerifyID(s.prefix, imp.Key), summary, workflows.VerifyName,
		workflows.VerifyInput{
			ImportKey: imp.Key, Request: request, Repair: opts.Repair, Sample: opts.Sample, Parallel: opts.Parallel,
		})
}

// CancelVerify cancels a verify.
func (s *Starter) CancelVerify(ctx context.Context, key chferry.ImportKey) error {
	return s.cancelJob(ctx, workflows.VerifyID(s.prefix, key))
}

// Verify says how the last verify of an import key is that [Starter.StartVerify] started.
func (s *Starter) Verify(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error) {
	return s.job(ctx, workflows.VerifyID(s.prefix, key))
}

// AwaitVerify waits until that verify has ended, and returns its result. One that failed gives its error.
func (s *Starter) AwaitVerify(ctx context.Context, key chferry.ImportKey) (result workflows.VerifyResult, err error) {
	id := workflows.VerifyID(s.prefix, key)
	err = s.awaitJob(ctx, id, &result, JobWatch{})
	if err != nil && ctx.Err() != nil {
		return result, chferry.WrapError(chferry.CodeUnavailable, err, "stopped waiting: %s goes on", id)
	}
	return result, err
}
