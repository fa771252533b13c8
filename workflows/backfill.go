package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
)

// BackfillInput says what is copied, and how.
type BackfillInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	// Request is the ID of an [activities.BackfillRequest] that the storage keeps; empty: all rows are copied.
	Request string `json:"request,omitempty"`
	// Parallel is how many readers copy ranges at the same time; 0: [chferry.DefaultParallel].
	Parallel int `json:"parallel,omitempty"`
	// RowsPerSecond is how many rows all readers together may read in a second; 0: no limit.
	RowsPerSecond float64 `json:"rows_per_second,omitempty"`
	// Replace copies all rows into a new table, which replaces the destination's at the end. A request with a
	// condition is refused: the rows that it leaves out would be gone.
	Replace bool `json:"replace,omitempty"`
	// Progress is set when a run continues another one.
	Progress *JobProgress `json:"progress,omitempty"`
}

// BackfillResult is what the Temporal UI shows of a backfill that ended.
type BackfillResult struct {
	Outcome string  `json:"outcome"` // activities.OutcomeCopied, OutcomePartial or OutcomeSuperseded
	Rows    int64   `json:"rows"`    // that were inserted
	Failed  int64   `json:"failed"`  // rows that can't be imported: syncs set them aside
	Ranges  int64   `json:"ranges"`  // that the tables were read in
	Seconds float64 `json:"seconds"`
	// Replaced tells that a new table with the rows has replaced the destination's.
	Replaced bool `json:"replaced,omitempty"`
}

// Backfill copies the whole tables of one import key into its destination while syncs go on. The signals "pause" and
// "resume" stop its readers and start them again.
func Backfill(ctx workflow.Context, in BackfillInput) (BackfillResult, error) {
	j, err := newTableJob(ctx, in.ImportKey, storage.Backfill, in.Parallel, in.Progress)
	if err != nil {
		return BackfillResult{}, err
	}
	j.doing = "copying"
	if in.Replace {
		j.doing, j.slowEnd = "copying into a new table", true
	}
	j.planStep = step{activities.PlanBackfillName, activities.PlanBackfillInput{
		ImportKey: in.ImportKey, Token: j.token, Request: in.Request, Parallel: j.parallel, Replace: in.Replace,
	}}
	j.readStep = activities.CopyRangesName
	j.read = func(reader int) activities.ReadRangesInput {
		return activities.ReadRangesInput{
			ImportKey: in.ImportKey, Token: j.token, Reader: reader,
			RowsPerSecond: in.RowsPerSecond / float64(j.parallel),
		}
	}
	j.endStep = activities.EndBackfillName
	j.end = func(outcome string) any {
		return activities.EndBackfillInput{
			ImportKey: in.ImportKey, Token: j.token, Outcome: outcome, Replace: in.Replace,
		}
	}
	j.again = func(p JobProgress) error {
		in.Progress = &p
		return workflow.NewContinueAsNewError(ctx, BackfillName, in)
	}
	outcome, err := j.run(ctx)
	if err != nil {
		return BackfillResult{}, err
	}
	p := j.progress
	return BackfillResult{
		Outcome: outcome, Rows: p.Rows, Failed: p.Failed, Ranges: p.Ranges, Seconds: j.seconds(ctx),
		Replaced: in.Replace && outcome != activities.OutcomeSuperseded,
	}, nil
}
