package starter

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// StartVerify starts a verify of an import, whose schedule must exist. What no history may hold goes into the
// storage. Errors: CodeInvalid for options that can't be used, CodeClaimed if a verify runs already.
func (s *Starter) StartVerify(ctx context.Context, imp chferry.Import, requests storage.Requests,
	opts chferry.VerifyOptions,
) error {
	if err := opts.Validate(); err != nil {
		return err
	}
	id := workflows.VerifyID(s.prefix, imp.Key)
	if err := s.startable(ctx, imp.Key, id); err != nil {
		return err
	}
	request, err := keepRequest(ctx, requests, imp.Key, storage.Verify, activities.VerifyRequest{Where: opts.Where})
	if err != nil {
		return err
	}
	return s.startJob(ctx, imp, id, verifySummary(imp), workflows.VerifyName, workflows.VerifyInput{
		ImportKey: imp.Key, Request: request, Repair: opts.Repair, Sample: opts.Sample, Parallel: opts.Parallel,
	})
}

func verifySummary(imp chferry.Import) string {
	return fmt.Sprintf("verify %s: compare %s with %s", imp.Key, imp.Table, imp.DestinationTable)
}

// VerifyID returns the ID of the workflow that compares the tables of an import key.
func (s *Starter) VerifyID(key chferry.ImportKey) string {
	return workflows.VerifyID(s.prefix, key)
}

// CancelVerify cancels a verify. What it has registered stays registered.
func (s *Starter) CancelVerify(ctx context.Context, key chferry.ImportKey) error {
	return s.cancelJob(ctx, workflows.VerifyID(s.prefix, key))
}

// Verify says how the last verify of an import key is.
func (s *Starter) Verify(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error) {
	return s.job(ctx, workflows.VerifyID(s.prefix, key))
}

// AwaitVerify waits until the verify of an import key has ended, and returns its result. One that failed gives its
// error.
func (s *Starter) AwaitVerify(ctx context.Context, key chferry.ImportKey) (workflows.VerifyResult, error) {
	return s.WatchVerify(ctx, key, JobWatch{})
}

// WatchVerify is [Starter.AwaitVerify] for a caller that wants to know how it goes.
func (s *Starter) WatchVerify(ctx context.Context, key chferry.ImportKey,
	watch JobWatch,
) (result workflows.VerifyResult, err error) {
	err = s.awaitJob(ctx, workflows.VerifyID(s.prefix, key), &result, watch)
	if err != nil && ctx.Err() != nil {
		return result, stoppedWaiting(storage.Verify, key, err)
	}
	return result, err
}
