package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
)

// counts says in words what became of operations. What is 0 goes without saying, rows excepted.
func counts(o activities.Counts) string {
	text := chferry.Amount(o.Rows, "row", "rows")
	for _, of := range []struct {
		n         int64
		one, many string
	}{{o.Deletes, "delete", "deletes"}, {o.Coalesced, "coalesced", "coalesced"}, {o.Failed, "failed", "failed"}} {
		if of.n > 0 {
			text += ", " + chferry.Amount(of.n, of.one, of.many)
		}
	}
	return text
}

func operations(n int64) string { return chferry.Amount(n, "operation", "operations") }

// words says how the sync ended, and what to do if operations failed.
func (s *syncRun) words(r SyncResult) string {
	text := fmt.Sprintf("**%s**: %s in %s became %s", r.Outcome, operations(r.Operations),
		chferry.Amount(int64(r.Batches), "batch", "batches"),
		counts(activities.Counts{Rows: r.Rows, Deletes: r.Deletes, Coalesced: r.Coalesced, Failed: r.Failed}))
	switch {
	case r.Reason == "": // an older worker gave none
	case r.Failed > 0:
		text += fmt.Sprintf(" (%s: see `chferry failed list %s`)", r.Reason, s.key)
	default:
		text += fmt.Sprintf(" (%s)", r.Reason)
	}
	switch r.Limit {
	case "":
	case LimitDatabase:
		text += fmt.Sprintf("; %s left to the next sync", operations(r.Remaining))
	default:
		text += fmt.Sprintf("; %s was reached, %s left to the next sync", r.Limit, operations(r.Remaining))
	}
	return text + starter(r.StartedBy)
}

// failure says why the sync gave up, and what becomes of its operations.
func (s *syncRun) failure(ctx workflow.Context, err error) string {
	outcome, why := activities.OutcomeFailed, fmt.Sprintf("%s (%s)", messageOf(err), codeOf(err))
	if temporal.IsCanceledError(err) {
		outcome, why = "cancelled", s.progress.Step+" was interrupted"
	}
	text := fmt.Sprintf("**%s**: %s", outcome, why)
	if s.progress.Step != activities.PreSyncName { // which is what tells how many there are
		text += fmt.Sprintf("; %s left to the next sync", operations(s.progress.Remaining))
	}
	return text + starter(s.startedBy(ctx))
}

// starter says what started the sync.
func starter(startedBy string) string {
	switch startedBy {
	case StartedBySchedule:
		return "; started by its schedule"
	case StartedByNudge:
		return "; started by a nudge"
	default:
		return ""
	}
}

// messageOf returns the text that the activities gave the error, nothing if none did.
func messageOf(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	return ""
}

// codeOf returns the code that the activities gave the error, [chferry.CodeUnknown] if none did.
func codeOf(err error) chferry.Code {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return chferry.Code(app.Type())
	}
	return chferry.CodeUnknown
}
