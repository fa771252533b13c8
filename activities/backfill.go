package activities

import (
	"context"
	"encoding/json"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// rangesPerReader is how many ranges a table is cut into for each reader. Ranges may hold very different numbers of
// rows; a reader that has nothing to do is given half of another's.
const rangesPerReader = 4

// BackfillRequest is what the start of a backfill asks for and no history may hold. The storage
// keeps its JSON under the ID that the workflow's input names.
type BackfillRequest struct {
	// Where is a condition in the SQL of the source, which the rows to copy meet; empty: all rows.
	Where string `json:"where,omitempty"`
}

// PlanBackfillInput says what is to be copied.
type PlanBackfillInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Request   string            `json:"request,omitempty"` // ID of a [BackfillRequest]; empty: nothing is asked for
	Parallel  int               `json:"parallel"`          // readers
}

// PlanBackfillResult says how much there is to do, and what the run has to keep to.
type PlanBackfillResult struct {
	TableProgress
	RetryFor         Seconds `json:"retry_for"`
	HeartbeatTimeout Seconds `json:"heartbeat_timeout"`
}

// PlanBackfill checks that the rows of the source fit into the destination, cuts the tables into ranges and begins the
// job. Done again it gives the ranges that there are.
func (a *Activities) PlanBackfill(ctx context.Context, in PlanBackfillInput) (PlanBackfillResult, error) {
	current := attempt{key: in.ImportKey, token: in.Token, step: PlanBackfillName, job: &job{}}
	return step(ctx, a, current, func() (PlanBackfillResult, error) {
		imp, err := a.importOf(in.ImportKey)
		if err != nil {
			return PlanBackfillResult{}, err
		}
		limits := imp.Limits.WithDefaults()
		failing := current.firstFailure(ctx, 0)
		ctx, stop := keepAlive(ctx, limits, func() Heartbeat { return Heartbeat{FailingSince: failing} }, holdsNothing)
		defer stop()
		begun, err := a.beginBackfill(ctx, imp, in)
		return PlanBackfillResult{ProgressOf(begun), seconds(a.retryFor(current)), seconds(limits.HeartbeatTimeout)},
			because(ctx, err)
	})
}

func holdsNothing(context.Context) error { return nil }

func (a *Activities) beginBackfill(ctx context.Context, imp chferry.Import, in PlanBackfillInput) (
	begun storage.Progress, err error,
) {
	last, err := a.Storage.RangesProgress(ctx, imp.Key, storage.Backfill)
	if err != nil || last.Token == in.Token && last.Open {
		return last, err
	}
	options := "{}"
	if in.Request != "" {
		if options, err = a.Storage.Request(ctx, imp.Key, storage.Backfill, in.Request); err != nil {
			return begun, err
		}
	}
	var asked BackfillRequest
	if err := json.Unmarshal([]byte(options), &asked); err != nil {
		return begun, chferry.Errorf(chferry.CodeInvalid, "import key %s: what the backfill was asked for can't be read",
			imp.Key)
	}
	plan, err := a.Pipeline.Plan(ctx, imp)
	if err != nil {
		return begun, err
	}
	ranges, rows, err := a.Pipeline.Cut(ctx, plan, asked.Where, max(1, in.Parallel)*rangesPerReader)
	if err != nil {
		return begun, err
	}
	return a.Storage.BeginRanges(ctx, imp.Key, backfillJob(in.Token), storage.BeginOptions{
		Options: options, Rows: rows, Ranges: ranges, Closed: a.Closed,
	})
}

func backfillJob(token string) storage.Job { return storage.Job{Kind: storage.Backfill, Token: token} }

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

// EndBackfillInput says how a backfill ends.
type EndBackfillInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Outcome   string            `json:"outcome"`
}

// EndBackfill ends the job, whose ranges are dropped, and returns what it did.
func (a *Activities) EndBackfill(ctx context.Context, in EndBackfillInput) (TableProgress, error) {
	current := attempt{key: in.ImportKey, token: in.Token, step: EndBackfillName, job: &job{}}
	return step(ctx, a, current, func() (TableProgress, error) {
		if err := a.Storage.EndRanges(ctx, in.ImportKey, backfillJob(in.Token), in.Outcome); err != nil {
			return TableProgress{}, err
		}
		p, err := a.Storage.RangesProgress(ctx, in.ImportKey, storage.Backfill)
		return ProgressOf(p), err
	})
}
