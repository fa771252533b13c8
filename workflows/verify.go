package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
)

// VerifyInput says what is compared, and what becomes of differences.
type VerifyInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	// Request is the ID of an [activities.VerifyRequest] that the storage keeps; empty: all rows are compared.
	Request string `json:"request,omitempty"`
	// Repair registers operations on the rows that differ, for the next sync to mend them.
	Repair bool `json:"repair,omitempty"`
	// Sample is the share of the ranges that are compared, chosen anew each time; 0: all of them.
	Sample float64 `json:"sample,omitempty"`
	// Parallel is how many readers compare ranges at the same time; 0: [DefaultParallel].
	Parallel int `json:"parallel,omitempty"`
	// Progress is set when a run continues another one.
	Progress *JobProgress `json:"progress,omitempty"`
}

// VerifyResult is what the Temporal UI shows of a verify that ended.
type VerifyResult struct {
	// Outcome is activities.OutcomeEqual, OutcomeDifferent, OutcomeRepaired or OutcomeSuperseded.
	Outcome    string  `json:"outcome"`
	Rows       int64   `json:"rows"`       // of the source that were compared
	Missing    int64   `json:"missing"`    // rows that the source alone has
	Stale      int64   `json:"stale"`      // rows with other values
	Surplus    int64   `json:"surplus"`    // rows that ClickHouse alone has
	Registered int64   `json:"registered"` // operations that were registered to mend these
	Failed     int64   `json:"failed"`     // rows that can't be compared, such as those that were set aside
	Clamped    int64   `json:"clamped"`    // values that were compared as the columns can hold them
	Seconds    float64 `json:"seconds"`
}

// Verify compares the tables of one import key with its destination while writes and syncs go on.
// The signals "pause" and "resume" stop its readers and start them again.
func Verify(ctx workflow.Context, in VerifyInput) (VerifyResult, error) {
	j, err := newTableJob(ctx, in.ImportKey, storage.Verify, in.Parallel, in.Progress)
	if err != nil {
		return VerifyResult{}, err
	}
	j.doing = "comparing"
	j.planStep = step{activities.PlanVerifyName, activities.PlanVerifyInput{
		ImportKey: in.ImportKey, Token: j.token, Request: in.Request, Parallel: j.parallel, Repair: in.Repair,
		Sample: in.Sample,
	}}
	j.readStep = activities.CompareRangesName
	j.read = func(reader int) activities.ReadRangesInput {
		return activities.ReadRangesInput{ImportKey: in.ImportKey, Token: j.token, Reader: reader}
	}
	j.endStep = activities.EndVerifyName
	j.end = func(outcome string) any {
		return activities.EndVerifyInput{ImportKey: in.ImportKey, Token: j.token, Outcome: outcome, Repair: in.Repair}
	}
	j.again = func(p JobProgress) error {
		in.Progress = &p
		return workflow.NewContinueAsNewError(ctx, VerifyName, in)
	}
	outcome, err := j.run(ctx)
	if err != nil {
		return VerifyResult{}, err
	}
	p := j.progress
	return VerifyResult{
		Outcome: outcome, Rows: p.Rows, Missing: p.Missing, Stale: p.Stale, Surplus: p.Surplus,
		Registered: p.Registered, Failed: p.Failed, Clamped: p.Clamped, Seconds: j.seconds(ctx),
	}, nil
}
