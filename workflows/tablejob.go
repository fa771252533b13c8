package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
)

// OutcomeCancelled is how a job ends that somebody cancelled.
const OutcomeCancelled = "cancelled"

// JobProgress is the answer to the query "progress" of a workflow that reads whole tables.
type JobProgress struct {
	Step   string `json:"step"`
	Paused bool   `json:"paused,omitempty"`
	activities.TableProgress
	// Began is when the first run of the chain began.
	Began            time.Time          `json:"began"`
	RetryFor         activities.Seconds `json:"retry_for,omitempty"`
	HeartbeatTimeout activities.Seconds `json:"heartbeat_timeout,omitempty"`
}

// tableJob is one run of a workflow that reads whole tables: a first step cuts them into ranges,
// readers work on these until none is left, and a last step ends the job.
type tableJob struct {
	key      chferry.ImportKey
	token    string
	kind     storage.JobKind
	doing    string // what the readers do, in a word
	parallel int
	planStep step
	// read is the input of a reader, counted from 1.
	readStep string
	read     func(reader int) activities.ReadRangesInput
	endStep  string
	slowEnd  bool // the last step may take long, and tells that it is alive
	// end is the input of the last step; an empty outcome is to be found out.
	end func(outcome string) any
	// again is what makes the run continue as a new one.
	again func(JobProgress) error

	progress JobProgress
	steering steering
}

// step is a step by its name, with its input.
type step struct {
	name  string
	input any
}

// newTableJob begins a run; before is the progress of the run that it continues, if it continues one.
func newTableJob(ctx workflow.Context, key chferry.ImportKey, kind storage.JobKind, parallel int,
	before *JobProgress,
) (*tableJob, error) {
	j := &tableJob{key: key, token: tokenOf(ctx), kind: kind, parallel: parallel, steering: steer(ctx)}
	if j.parallel <= 0 {
		j.parallel = chferry.DefaultParallel
	}
	j.progress.Began = workflow.Now(ctx)
	if before != nil {
		j.progress = *before
	}
	return j, workflow.SetQueryHandler(ctx, ProgressQuery, func() (JobProgress, error) { return j.progress, nil })
}

// tokenOf identifies a run with all runs that it continues.
func tokenOf(ctx workflow.Context) string {
	info := workflow.GetInfo(ctx)
	return Token(info.WorkflowExecution.ID, info.FirstRunID)
}

// run runs the job to its end, and returns how it ended.
func (j *tableJob) run(ctx workflow.Context) (outcome string, err error) {
	return j.ended(ctx, j.work(ctx))
}

// work returns nil when all ranges are finished.
func (j *tableJob) work(ctx workflow.Context) error {
	if j.progress.Step == "" {
		if err := j.plan(ctx); err != nil {
			return err
		}
	}
	for {
		if err := j.awaitResume(ctx); err != nil {
			return err
		}
		j.progress.Step = j.readStep
		j.show(ctx)
		finished, err := runReaders(ctx, j.parallel, &j.steering, j.startReader, j.look)
		if err != nil || finished {
			return err
		}
		j.steering.hear()
		if !j.steering.paused && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return j.again(j.progress)
		}
	}
}

// limits are those of the import, which the first step has told.
func (j *tableJob) limits() chferry.Limits {
	return chferry.Limits{
		RetryFor: j.progress.RetryFor.Duration(), HeartbeatTimeout: j.progress.HeartbeatTimeout.Duration(),
	}.WithDefaults()
}

// longestPlan is how long one attempt to cut the tables may take.
const longestPlan = 15 * time.Minute

func (j *tableJob) plan(ctx workflow.Context) error {
	j.progress.Step = j.planStep.name
	options := longOptions(ctx, chferry.Limits{RetryFor: chferry.MaxRetryFor}.WithDefaults(), longestPlan,
		"check the tables and cut them into ranges")
	var plan activities.PlanResult
	err := workflow.ExecuteActivity(options, j.planStep.name, j.planStep.input).Get(ctx, &plan)
	j.progress.TableProgress = plan.TableProgress
	j.progress.RetryFor, j.progress.HeartbeatTimeout = plan.RetryFor, plan.HeartbeatTimeout
	return err
}

// awaitResume returns when the job is not paused.
func (j *tableJob) awaitResume(ctx workflow.Context) error {
	j.steering.hear()
	if j.steering.paused {
		j.progress.Paused = true
		j.show(ctx)
		if err := j.steering.awaitResume(ctx); err != nil {
			return err
		}
	}
	j.progress.Paused = false
	return nil
}

func (j *tableJob) startReader(ctx workflow.Context, reader int) workflow.Future {
	summary := fmt.Sprintf("reader %d of %d", reader, j.parallel)
	return workflow.ExecuteActivity(longOptions(ctx, j.limits(), longestJob, summary), j.readStep, j.read(reader))
}

// look asks how far the job is, for the query and the Temporal UI. It is worth no failure.
func (j *tableJob) look(ctx workflow.Context) {
	var done activities.TableProgress
	err := workflow.ExecuteLocalActivity(onceOptions(ctx, "look how far the readers are"), activities.RangesDoneName,
		activities.RangesDoneInput{ImportKey: j.key, Token: j.token, Kind: j.kind}).Get(ctx, &done)
	if err == nil {
		j.progress.TableProgress = done
		j.show(ctx)
	}
}

// ended ends the job in the storage and says how it ended.
func (j *tableJob) ended(ctx workflow.Context, err error) (outcome string, _ error) {
	switch {
	case err == nil:
	case workflow.IsContinueAsNewError(err):
		return "", err
	case codeOf(err) == chferry.CodeSuperseded:
		err, outcome = nil, activities.OutcomeSuperseded
	case isCancelled(err):
		outcome = OutcomeCancelled
	default:
		outcome = activities.OutcomeFailed
	}
	done, problem := j.endJob(ctx, outcome)
	switch {
	case problem == nil:
		j.progress.TableProgress, outcome = done.TableProgress, done.Outcome
	case err == nil && codeOf(problem) == chferry.CodeSuperseded:
		outcome = activities.OutcomeSuperseded
	case err == nil:
		outcome, err = activities.OutcomeFailed, problem
		if !codeOf(problem).Passes() {
			_, _ = j.endJob(ctx, outcome) // it did not end as it should
		}
	}
	label(ctx, j.key, outcome, j.progress.Rows)
	if err != nil {
		err = readable(j.progress.Step, err)
	}
	workflow.SetCurrentDetails(ctx, j.words(outcome, err))
	return outcome, err
}

// endJob runs the last step, although the workflow may have been cancelled.
func (j *tableJob) endJob(ctx workflow.Context, outcome string) (done activities.EndResult, err error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if outcome == "" {
		j.progress.Step = j.endStep
	}
	options := stepOptions(ctx, j.limits(), longestCall, "end the "+string(j.kind))
	if j.slowEnd {
		options = longOptions(ctx, j.limits(), longestEnd, "end the "+string(j.kind))
	}
	err = workflow.ExecuteActivity(options, j.endStep, j.end(outcome)).Get(ctx, &done)
	return done, err
}

// longestEnd is how long one attempt at a last step may take that drops a large table.
const longestEnd = 15 * time.Minute

// seconds is for how long the job has run.
func (j *tableJob) seconds(ctx workflow.Context) float64 {
	return float64(workflow.Now(ctx).Sub(j.progress.Began).Milliseconds()) / 1000
}

// show says how far the job is while the run is open.
func (j *tableJob) show(ctx workflow.Context) {
	p := j.progress
	text := "**" + j.doing + "**"
	if p.Paused {
		text = "**paused** (the signal `pause` with the input `false` ends the pause)"
	}
	text += ": " + p.Words()
	if rate := p.RowsPerSecond(); rate > 0 && !p.Paused {
		text += fmt.Sprintf(", %s rows/s", chferry.Thousands(int64(rate)))
		if rest := p.Rest(); rest > 0 {
			text += fmt.Sprintf(", about %s to go", chferry.DurationText(rest))
		}
	}
	workflow.SetCurrentDetails(ctx, text)
}

// words says how the job ended, and what to do.
func (j *tableJob) words(outcome string, err error) string {
	if err != nil && !isCancelled(err) {
		return fmt.Sprintf("**%s**: %s (%s); %s", outcome, messageOf(err), codeOf(err), j.progress.Words())
	}
	text := fmt.Sprintf("**%s**: %s", outcome, j.progress.Words())
	switch outcome {
	case activities.OutcomePartial:
		text += fmt.Sprintf("; the next sync sets those that failed aside: see `chferry failed list %s`", j.key)
	case activities.OutcomeDifferent, activities.OutcomeRepaired:
		text += fmt.Sprintf(": see `chferry verify %s --list`", j.key)
	}
	return text
}
