package activities

import (
	"context"
	"encoding/json"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// OutcomeCopied is how a backfill ends whose rows are all in ClickHouse; with some of them set aside it is
// [OutcomePartial].
const OutcomeCopied = "copied"

// How a verify ends that has compared what it was asked to.
const (
	OutcomeEqual     = "equal"     // source and destination have the same rows
	OutcomeDifferent = "different" // they differ, and nothing was registered
	OutcomeRepaired  = "repaired"  // they differ, and operations were registered for the next sync to mend that
)

// PlanResult says how much a job has to do, and what its run has to keep to.
type PlanResult struct {
	TableProgress
	RetryFor         Seconds `json:"retry_for"`
	HeartbeatTimeout Seconds `json:"heartbeat_timeout"`
}

// planJob begins a job with the ranges that cut gives. A job that was begun before is as it is.
func (a *Activities) planJob(ctx context.Context, key chferry.ImportKey, token, name string, kind storage.JobKind,
	cut func(context.Context, chferry.Import) (storage.BeginOptions, error),
) (PlanResult, error) {
	current := attempt{key: key, token: token, step: name, job: &job{}}
	return step(ctx, a, current, func() (PlanResult, error) {
		imp, err := a.importOf(key)
		if err != nil {
			return PlanResult{}, err
		}
		limits := imp.Limits.WithDefaults()
		failing := current.firstFailure(ctx, 0)
		ctx, stop := keepAlive(ctx, limits, func() Heartbeat { return Heartbeat{FailingSince: failing} }, holdsNothing)
		defer stop()
		begun, err := a.beginJob(ctx, imp, storage.Job{Kind: kind, Token: token}, cut)
		return PlanResult{ProgressOf(begun), seconds(a.retryFor(current)), seconds(limits.HeartbeatTimeout)},
			because(ctx, err)
	})
}

func holdsNothing(context.Context) error { return nil }

func (a *Activities) beginJob(ctx context.Context, imp chferry.Import, job storage.Job,
	cut func(context.Context, chferry.Import) (storage.BeginOptions, error),
) (storage.Progress, error) {
	last, err := a.Storage.RangesProgress(ctx, imp.Key, job.Kind)
	if err != nil || last.Token == job.Token && last.Open {
		return last, err
	}
	begin, err := cut(ctx, imp)
	if err != nil {
		return storage.Progress{}, err
	}
	begin.Closed = a.JobClosed
	return a.Storage.BeginRanges(ctx, imp.Key, job, begin)
}

// asked reads what the start of a job asked for, if it asked for something.
func (a *Activities) asked(ctx context.Context, key chferry.ImportKey, kind storage.JobKind, request string,
	into any,
) error {
	if request == "" {
		return nil
	}
	text, err := a.Storage.Request(ctx, key, kind, request)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return chferry.Errorf(chferry.CodeInvalid, "import key %s: what the %s was asked for can't be read", key, kind)
	}
	return nil
}

// RangesDoneInput names a job.
type RangesDoneInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Kind      storage.JobKind   `json:"kind"`
}

// RangesDone says how far a job is.
func (a *Activities) RangesDone(ctx context.Context, in RangesDoneInput) (TableProgress, error) {
	current := attempt{key: in.ImportKey, token: in.Token, step: RangesDoneName, job: &job{}}
	return step(ctx, a, current, func() (TableProgress, error) {
		p, err := a.Storage.RangesProgress(ctx, in.ImportKey, in.Kind)
		if err == nil && p.Token != in.Token {
			err = chferry.Errorf(chferry.CodeSuperseded, "import key %s: another %s has begun", in.ImportKey, in.Kind)
		}
		return ProgressOf(p), err
	})
}

// EndResult says how a job ended.
type EndResult struct {
	TableProgress
	Outcome string `json:"outcome"`
}

// endJob ends a job, whose ranges are dropped. The outcome follows from what the job did.
func (a *Activities) endJob(ctx context.Context, key chferry.ImportKey, token, name string, kind storage.JobKind,
	outcome func(TableProgress) string,
) (EndResult, error) {
	current := attempt{key: key, token: token, step: name, job: &job{}}
	return step(ctx, a, current, func() (EndResult, error) {
		p, err := a.Storage.RangesProgress(ctx, key, kind)
		if err != nil {
			return EndResult{}, err
		}
		result := EndResult{TableProgress: ProgressOf(p)}
		result.Outcome = outcome(result.TableProgress)
		return result, a.Storage.EndRanges(ctx, key, storage.Job{Kind: kind, Token: token}, result.Outcome)
	})
}
