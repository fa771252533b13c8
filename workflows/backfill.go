package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
)

// DefaultParallel is how many readers a backfill has unless it is told.
const DefaultParallel = 2

// BackfillInput says what is copied, and how.
type BackfillInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	// Request is the ID of an [activities.BackfillRequest] that the storage keeps; empty: all rows are copied.
	Request string `json:"request,omitempty"`
	// Parallel is how many readers copy ranges at the same time; 0: [DefaultParallel].
	Parallel int `json:"parallel,omitempty"`
	// RowsPerSecond is how many rows all readers together may read in a second; 0: no limit.
	RowsPerSecond float64 `json:"rows_per_second,omitempty"`
	// Progress is set when a run continues another one.
	Progress *BackfillProgress `json:"progress,omitempty"`
}

// BackfillProgress is the answer to the query "progress".
type BackfillProgress struct {
	Step   string `json:"step"`
	Paused bool   `json:"paused,omitempty"`
	activities.TableProgress
	// Began is when the first run of the chain began.
	Began            time.Time          `json:"began"`
	RetryFor         activities.Seconds `json:"retry_for,omitempty"`
	HeartbeatTimeout activities.Seconds `json:"heartbeat_timeout,omitempty"`
}

// BackfillResult is what the Temporal UI shows of a backfill that ended.
type BackfillResult struct {
	Outcome string  `json:"outcome"` // OutcomeCopied, or activities.OutcomePartial or OutcomeSuperseded
	Rows    int64   `json:"rows"`    // that were inserted
	Failed  int64   `json:"failed"`  // rows that can't be imported: syncs set them aside
	Ranges  int64   `json:"ranges"`  // that the tables were read in
	Seconds float64 `json:"seconds"`
}

// How a backfill ends, besides the outcomes that a sync has, too.
const (
	OutcomeCopied    = "copied"    // all rows are in ClickHouse
	OutcomeCancelled = "cancelled" // somebody cancelled it
)

// Backfill copies the whole tables of one import key into its destination while syncs go on. The signals "pause" and
// "resume" stop its readers and start them again.
func Backfill(ctx workflow.Context, in BackfillInput) (BackfillResult, error) {
	b, err := setupBackfill(ctx, in)
	if err != nil {
		return BackfillResult{}, err
	}
	return b.end(ctx, b.run(ctx))
}

// backfillRun is the state of one run.
type backfillRun struct {
	BackfillInput
	token    string
	progress BackfillProgress
	steering steering
}

func setupBackfill(ctx workflow.Context, in BackfillInput) (*backfillRun, error) {
	info := workflow.GetInfo(ctx)
	b := &backfillRun{
		BackfillInput: in, token: Token(info.WorkflowExecution.ID, info.FirstRunID), steering: steer(ctx),
	}
	if b.Parallel <= 0 {
		b.Parallel = DefaultParallel
	}
	b.progress.Began = workflow.Now(ctx)
	if in.Progress != nil {
		b.progress = *in.Progress
	}
	return b, workflow.SetQueryHandler(ctx, ProgressQuery, func() (BackfillProgress, error) { return b.progress, nil })
}

// run returns nil when all ranges are finished.
func (b *backfillRun) run(ctx workflow.Context) error {
	if b.Progress == nil {
		if err := b.plan(ctx); err != nil {
			return err
		}
	}
	for {
		if err := b.awaitResume(ctx); err != nil {
			return err
		}
		b.progress.Step = activities.CopyRangesName
		b.show(ctx)
		finished, err := b.copy(ctx)
		if err != nil || finished {
			return err
		}
		if !b.steering.paused {
			return workflow.NewContinueAsNewError(ctx, BackfillName, b.rest())
		}
	}
}

// rest is the input of a run that continues this one.
func (b *backfillRun) rest() BackfillInput {
	in := b.BackfillInput
	in.Progress = &b.progress
	return in
}

func (b *backfillRun) limits() chferry.Limits {
	return chferry.Limits{
		RetryFor: b.progress.RetryFor.Duration(), HeartbeatTimeout: b.progress.HeartbeatTimeout.Duration(),
	}.WithDefaults()
}

// longestPlan is how long one attempt to cut the tables may take.
const longestPlan = 15 * time.Minute

func (b *backfillRun) plan(ctx workflow.Context) error {
	b.progress.Step = activities.PlanBackfillName
	var plan activities.PlanBackfillResult
	options := longOptions(ctx, chferry.Limits{RetryFor: chferry.MaxRetryFor}.WithDefaults(), longestPlan,
		"check the tables and cut them into ranges")
	err := workflow.ExecuteActivity(options, activities.PlanBackfillName, activities.PlanBackfillInput{
		ImportKey: b.ImportKey, Token: b.token, Request: b.Request, Parallel: b.Parallel,
	}).Get(ctx, &plan)
	b.progress.TableProgress = plan.TableProgress
	b.progress.RetryFor, b.progress.HeartbeatTimeout = plan.RetryFor, plan.HeartbeatTimeout
	return err
}

// awaitResume returns when the backfill is not paused.
func (b *backfillRun) awaitResume(ctx workflow.Context) error {
	b.steering.hear()
	if b.steering.paused {
		b.progress.Paused = true
		b.show(ctx)
		if err := b.steering.awaitResume(ctx); err != nil {
			return err
		}
	}
	b.progress.Paused = false
	return nil
}

// copy runs the readers.
func (b *backfillRun) copy(ctx workflow.Context) (finished bool, err error) {
	return runReaders(ctx, b.Parallel, &b.steering, func(ctx workflow.Context, reader int) workflow.Future {
		summary := fmt.Sprintf("reader %d of %d copies ranges", reader, b.Parallel)
		return workflow.ExecuteActivity(longOptions(ctx, b.limits(), longestJob, summary), activities.CopyRangesName,
			activities.ReadRangesInput{
				ImportKey: b.ImportKey, Token: b.token, Reader: reader,
				RowsPerSecond: b.RowsPerSecond / float64(b.Parallel),
			})
	}, b.update)
}

// update asks how far the job is, for the query and the Temporal UI. It is worth no failure.
func (b *backfillRun) update(ctx workflow.Context) {
	var done activities.TableProgress
	err := workflow.ExecuteLocalActivity(onceOptions(ctx, "look how far the readers are"), activities.RangesDoneName,
		activities.RangesDoneInput{ImportKey: b.ImportKey, Token: b.token, Kind: storage.Backfill}).Get(ctx, &done)
	if err == nil {
		b.progress.TableProgress = done
		b.show(ctx)
	}
}

// end says how the run ended.
func (b *backfillRun) end(ctx workflow.Context, err error) (BackfillResult, error) {
	if workflow.IsContinueAsNewError(err) {
		return BackfillResult{}, err
	}
	outcome := OutcomeCopied
	switch {
	case err == nil:
	case codeOf(err) == chferry.CodeSuperseded:
		err, outcome = nil, activities.OutcomeSuperseded
	case isCancelled(err):
		outcome = OutcomeCancelled
	default:
		outcome = activities.OutcomeFailed
	}
	ended := b.endJob(ctx, outcome)
	if err == nil && ended != nil && codeOf(ended) != chferry.CodeSuperseded {
		outcome, err = activities.OutcomeFailed, ended
	}
	if outcome == OutcomeCopied && b.progress.Failed > 0 {
		outcome = activities.OutcomePartial
	}
	label(ctx, b.ImportKey, outcome, b.progress.Rows)
	if err != nil {
		err = readable(b.progress.Step, err)
		workflow.SetCurrentDetails(ctx, b.words(outcome, err))
		return BackfillResult{}, err
	}
	workflow.SetCurrentDetails(ctx, b.words(outcome, nil))
	p := b.progress
	return BackfillResult{
		Outcome: outcome, Rows: p.Rows, Failed: p.Failed, Ranges: p.Ranges,
		Seconds: float64(workflow.Now(ctx).Sub(p.Began).Milliseconds()) / 1000,
	}, nil
}

// endJob ends the job in the storage, and notes what it did. It runs although the workflow may have been cancelled.
func (b *backfillRun) endJob(ctx workflow.Context, outcome string) error {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if b.progress.Failed > 0 && outcome == OutcomeCopied {
		outcome = activities.OutcomePartial
	}
	var done activities.TableProgress
	err := workflow.ExecuteActivity(stepOptions(ctx, b.limits(), longestCall, "end the backfill: "+outcome),
		activities.EndBackfillName,
		activities.EndBackfillInput{ImportKey: b.ImportKey, Token: b.token, Outcome: outcome}).Get(ctx, &done)
	if err == nil {
		b.progress.TableProgress = done
	}
	return err
}

// show says how far the backfill is while the run is open.
func (b *backfillRun) show(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, b.details())
}

func (b *backfillRun) details() string {
	p := b.progress
	text := "**copying**"
	if p.Paused {
		text = "**paused** (the signal `resume` ends the pause)"
	}
	text += ": " + p.Words()
	if rate := p.RowsPerSecond(); rate > 0 && !p.Paused {
		text += fmt.Sprintf(", %s rows/s", chferry.Thousands(int64(rate)))
		if rest := p.Rest(); rest > 0 {
			text += fmt.Sprintf(", about %s to go", chferry.DurationText(rest))
		}
	}
	return text
}

// words says how the backfill ended.
func (b *backfillRun) words(outcome string, err error) string {
	p := b.progress
	text := fmt.Sprintf("**%s**: %s", outcome, p.Words())
	switch {
	case isCancelled(err):
		text += "; the rows that were copied stay"
	case err != nil:
		text = fmt.Sprintf("**%s**: %s (%s); %s", outcome, messageOf(err), codeOf(err), p.Words())
	case p.Failed > 0:
		text += fmt.Sprintf("; the next sync sets those that failed aside: see `chferry failed list %s`", b.ImportKey)
	}
	return text
}
