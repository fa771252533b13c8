package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
)

// SyncInput names what is synced. Progress is set when a run continues another whose sync has not ended.
type SyncInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Progress  *SyncProgress     `json:"progress,omitempty"`
	Nudged    bool              `json:"nudged,omitempty"` // nudges started the run, not the schedule
}

// SyncProgress is the answer to the query "progress".
type SyncProgress struct {
	Step    string `json:"step"`
	Batches int    `json:"batches"`
	// Remaining is the number of operations that were kept when the step began.
	Remaining int64 `json:"remaining"`
	chferry.Counts
	// PutBack is the number of operations that wait in the queue again, because their database did not answer.
	PutBack int64 `json:"put_back,omitempty"`
	// Reason is why the first of the failed operations can't be imported, or why operations were
	// put back; empty if neither happened.
	Reason string `json:"reason,omitempty"`
	// Waiting is what the step waits for, as the step itself says; empty if it works.
	Waiting string `json:"waiting,omitempty"`
	// Began is when the first run of the chain began.
	Began time.Time `json:"began"`
}

// With returns the progress with what became of operations of the batch that is being imported.
func (p SyncProgress) With(done activities.Counts) SyncProgress {
	p.Add(chferry.Counts(done))
	p.Remaining = max(0, p.Remaining-done.Operations)
	return p
}

// What ends a sync although operations are left: the limits, as the configuration names them, and
// databases that do not answer when all operations left seem to wait for them.
const (
	LimitBatches  = "max_batches"
	LimitDuration = "max_duration"
	LimitDatabase = "database"
)

// Sync imports the pending operations of one import key, batch by batch, until none is left or its limit is reached.
func Sync(ctx workflow.Context, in SyncInput) (SyncResult, error) {
	s, err := setupSync(ctx, in)
	if err != nil {
		return SyncResult{}, err
	}
	return s.run(ctx)
}

// syncRun is the state of one run.
type syncRun struct {
	key      chferry.ImportKey
	token    string
	progress SyncProgress
	limits   chferry.Limits
	limit    string // that was reached; empty: none
	nudges   nudges
	nudged   bool // nudges started it
	short    bool // it claims and removes its batches in no time
}

func setupSync(ctx workflow.Context, in SyncInput) (*syncRun, error) {
	info := workflow.GetInfo(ctx)
	s := &syncRun{
		key: in.ImportKey, token: Token(info.WorkflowExecution.ID, info.FirstRunID),
		nudges: listen(ctx), nudged: in.Nudged,
	}
	if in.Progress != nil {
		s.progress = *in.Progress
	} else {
		s.progress.Began = workflow.Now(ctx)
	}
	return s, workflow.SetQueryHandler(ctx, ProgressQuery, func() (SyncProgress, error) { return s.progress, nil })
}

func (s *syncRun) run(ctx workflow.Context) (result SyncResult, err error) {
	defer func() { result, err = s.end(ctx, result, err) }()

	claimed, err := s.preSync(ctx)
	if err != nil {
		return SyncResult{}, err
	}
	if !claimed {
		return s.result(ctx), nil
	}
	for {
		ticket, err := s.getOperations(ctx)
		if err != nil {
			return SyncResult{}, err
		}
		if ticket.Operations == 0 {
			return s.result(ctx), nil
		}
		if err := s.importBatch(ctx, ticket); err != nil {
			return SyncResult{}, err
		}
		if s.progress.Remaining == 0 || s.limit != "" {
			return s.result(ctx), nil
		}
		if s.isLong(ctx) {
			next := SyncInput{ImportKey: s.key, Progress: &s.progress, Nudged: s.nudged}
			return SyncResult{}, workflow.NewContinueAsNewError(ctx, SyncName, next)
		}
	}
}

// isLong tells whether the run should continue as a new one: its history is long, or it has run for
// so long that its timeout is near.
func (s *syncRun) isLong(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetContinueAsNewSuggested() ||
		workflow.Now(ctx).Sub(info.WorkflowStartTime) >= longestRun &&
			workflow.GetVersion(ctx, "continue-by-age", workflow.DefaultVersion, 1) == 1
}

func (s *syncRun) preSync(ctx workflow.Context) (claimed bool, err error) {
	s.progress.Step = activities.PreSyncName
	s.nudges.hear()
	var start activities.PreSyncResult
	err = workflow.ExecuteLocalActivity(preSyncOptions(ctx), activities.PreSyncName,
		activities.PreSyncInput{ImportKey: s.key, Token: s.token, Began: workflow.Now(ctx)}).Get(ctx, &start)
	s.nudges.claimed(err)
	s.progress.Remaining = start.Operations
	s.short = s.nudged && start.Short
	s.limits = chferry.Limits{
		MaxBatches: start.MaxBatches, MaxDuration: start.MaxDuration.Duration(), RetryFor: start.RetryFor.Duration(),
		HeartbeatTimeout: start.HeartbeatTimeout.Duration(), InsertTimeout: start.InsertTimeout.Duration(),
	}.WithDefaults()
	return start.Claimed, err
}

func (s *syncRun) getOperations(ctx workflow.Context) (ticket activities.Ticket, err error) {
	s.enter(ctx, activities.GetOperationsName)
	s.nudges.hear()
	summary := fmt.Sprintf("claim batch %d: %s pending", s.progress.Batches+1, operations(s.progress.Remaining))
	err = s.shortly(ctx, longOptions(ctx, s.limits, longestClaim, summary), summary, activities.GetOperationsName,
		activities.GetOperationsInput{ImportKey: s.key, Token: s.token}, &ticket)
	s.nudges.claimed(err)
	return ticket, err
}

// importBatch imports a batch and removes it. If a backfill has begun to replace the destination
// meanwhile, the batch is imported once more, so that it gets into the new table, too.
func (s *syncRun) importBatch(ctx workflow.Context, ticket activities.Ticket) error {
	inserted, err := s.insertBatch(ctx, ticket)
	if err == nil {
		err = s.postSync(ctx, ticket, inserted)
	}
	if codeOf(err) != chferry.CodeReplaced ||
		workflow.GetVersion(ctx, "insert-again", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return err
	}
	if inserted, err = s.insertBatch(ctx, ticket); err != nil {
		return err
	}
	return s.postSync(ctx, ticket, inserted)
}

func (s *syncRun) insertBatch(ctx workflow.Context, ticket activities.Ticket) (activities.InsertBatchResult, error) {
	var inserted activities.InsertBatchResult
	s.enter(ctx, activities.InsertBatchName)
	summary := fmt.Sprintf("import batch %d: %s", s.progress.Batches+1, operations(int64(ticket.Operations)))
	ctx = longOptions(ctx, s.limits, longestInsert(s.limits), summary)
	err := workflow.ExecuteActivity(ctx, activities.InsertBatchName,
		activities.InsertBatchInput{ImportKey: s.key, Token: s.token, Ticket: ticket}).Get(ctx, &inserted)
	return inserted, err
}

func (s *syncRun) postSync(ctx workflow.Context, ticket activities.Ticket,
	inserted activities.InsertBatchResult,
) error {
	s.enter(ctx, activities.PostSyncName)
	limit := s.reached(ctx, inserted) // asked before the step, which ends the claim: run and claim end together
	summary := fmt.Sprintf("remove batch %d: %s", s.progress.Batches+1, counts(inserted.Counts))
	var removal activities.PostSyncResult
	partial := s.progress.Failed+inserted.Failed+s.progress.PutBack+inserted.PutBack > 0
	err := s.shortly(ctx, stepOptions(ctx, s.limits, longestCall, summary), summary, activities.PostSyncName,
		activities.PostSyncInput{
			ImportKey: s.key, Token: s.token, Batch: ticket.Batch, Counts: inserted.Counts, Last: limit != "",
			Partial: partial, Replacement: inserted.Replacement,
		}, &removal)
	if err == nil {
		s.limit = limit
		s.progress.Batches++
		s.progress.Remaining = removal.Remaining
		s.progress.Add(chferry.Counts(inserted.Counts))
		s.progress.PutBack += inserted.PutBack
		s.progress.Reason = cmp.Or(s.progress.Reason, inserted.Reason)
	}
	return err
}

// reached returns the limit that this sync has reached with the batch that it is about to remove; empty if none.
func (s *syncRun) reached(ctx workflow.Context, inserted activities.InsertBatchResult) string {
	switch {
	case inserted.PutBack > 0 && inserted.Coalesced == inserted.Operations:
		return LimitDatabase // the next batch would hold the same again
	case s.progress.Batches+1 >= s.limits.MaxBatches:
		return LimitBatches
	case s.limits.MaxDuration > 0 && workflow.Now(ctx).Sub(s.progress.Began) >= s.limits.MaxDuration:
		return LimitDuration
	default:
		return ""
	}
}

// enter notes the step for the query and, while the run is open, for the Temporal UI.
func (s *syncRun) enter(ctx workflow.Context, step string) {
	s.progress.Step = step
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%s**: batch %d of this run, %s done, %s remaining",
		step, s.progress.Batches+1, operations(s.progress.Operations), operations(s.progress.Remaining)))
}
