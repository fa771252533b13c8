package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
)

// SyncResult is what the Temporal UI shows of a sync that ended.
type SyncResult struct {
	Outcome    string `json:"outcome"`
	Batches    int    `json:"batches"`
	Operations int64  `json:"operations"`
	Rows       int64  `json:"rows"`
	Deletes    int64  `json:"deletes"`
	Coalesced  int64  `json:"coalesced"`
	Failed     int64  `json:"failed"`
	PutBack    int64  `json:"put_back,omitempty"` // operations that wait again for a database that did not answer
	// Reason is why the first that failed can't be imported, or why operations were put back.
	Reason    string  `json:"reason,omitempty"`
	Remaining int64   `json:"remaining"`       // operations left to the next sync
	Limit     string  `json:"limit,omitempty"` // why they are left: LimitBatches, LimitDuration or LimitDatabase
	Seconds   float64 `json:"seconds"`
	StartedBy string  `json:"started_by,omitempty"` // StartedBySchedule or StartedByNudge; empty of an idle sync
}

func (s *syncRun) result(ctx workflow.Context) SyncResult {
	p := s.progress
	result := SyncResult{
		Outcome: activities.OutcomeSynced, Batches: p.Batches, Operations: p.Operations, Rows: p.Rows,
		Deletes: p.Deletes, Coalesced: p.Coalesced, Failed: p.Failed, PutBack: p.PutBack, Reason: p.Reason,
		Remaining: p.Remaining, Seconds: float64(workflow.Now(ctx).Sub(p.Began).Milliseconds()) / 1000,
	}
	if p.Remaining > 0 {
		result.Limit = s.limit
	}
	switch {
	case p.Failed+p.PutBack > 0:
		result.Outcome = activities.OutcomePartial
	case p.Batches == 0:
		result.Outcome = activities.OutcomeIdle
	}
	return result
}

// end says how the run ended: to the storage if it failed, and to whoever searches for runs.
func (s *syncRun) end(ctx workflow.Context, result SyncResult, err error) (SyncResult, error) {
	if workflow.IsContinueAsNewError(err) {
		return result, err
	}
	if err != nil && codeOf(err) == chferry.CodeSuperseded {
		result, err = s.result(ctx), nil
		result.Outcome = activities.OutcomeSuperseded
	}
	if err != nil {
		s.compensate(ctx)
		label(ctx, s.key, activities.OutcomeFailed, s.progress.Rows)
		err = readable(s.progress.Step, err)
		workflow.SetCurrentDetails(ctx, s.failure(ctx, err))
		return SyncResult{}, err
	}
	if result.Outcome != activities.OutcomeIdle || continued(ctx) {
		label(ctx, s.key, result.Outcome, s.progress.Rows)
	}
	if result.Outcome != activities.OutcomeIdle {
		result.StartedBy = s.startedBy(ctx)
		workflow.SetCurrentDetails(ctx, s.words(result))
	}
	if s.nudges.hear() {
		return SyncResult{}, workflow.NewContinueAsNewError(ctx, SyncName,
			SyncInput{ImportKey: s.key, Nudged: s.nudged})
	}
	return result, nil
}

// compensate gives the claim back. It runs although the workflow may have been cancelled; should it
// fail, the lease ends the claim.
func (s *syncRun) compensate(ctx workflow.Context) {
	ctx = compensationOptions(ctx)
	err := workflow.ExecuteActivity(ctx, activities.PostSyncFailedName,
		activities.PostSyncFailedInput{ImportKey: s.key, Token: s.token}).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Warn("the claim was not given back: its lease ends it",
			"import_key", s.key, "code", codeOf(err))
	}
}
