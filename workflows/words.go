package workflows

import (
	"fmt"
	"strconv"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry/activities"
)

// counts says in words what became of operations. What is 0 goes without saying, rows excepted.
func counts(o activities.Outcome) string {
	text := grouped(o.Rows) + " rows"
	for _, of := range []struct {
		n    int64
		word string
	}{{o.Deletes, "deletes"}, {o.Coalesced, "coalesced"}, {o.Failed, "failed"}} {
		if of.n > 0 {
			text += ", " + grouped(of.n) + " " + of.word
		}
	}
	return text
}

// grouped writes a number as people read it: 1,234,567.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// words says how the sync ended, and what to do if operations failed.
func (s *syncRun) words(r SyncResult) string {
	text := fmt.Sprintf("**%s**: %s operations in %d batches became %s", r.Outcome, grouped(r.Operations), r.Batches,
		counts(activities.Outcome{Rows: r.Rows, Deletes: r.Deletes, Coalesced: r.Coalesced, Failed: r.Failed}))
	if r.Failed > 0 {
		text += fmt.Sprintf(" (%s: see `chferry failed list %s`)", r.Reason, s.key)
	}
	if r.Limit != "" {
		text += fmt.Sprintf("; %s was reached, %s operations are left to the next sync", r.Limit, grouped(r.Remaining))
	}
	return text + s.startedBy(r.StartedBy)
}

// failure says why the sync gave up, and what becomes of its operations.
func (s *syncRun) failure(ctx workflow.Context, err error) string {
	outcome, why := activities.OutcomeFailed, fmt.Sprintf("%s (%s)", messageOf(err), codeOf(err))
	if temporal.IsCanceledError(err) {
		outcome, why = "cancelled", s.progress.Step+" was interrupted"
	}
	text := fmt.Sprintf("**%s**: %s", outcome, why)
	if s.progress.Step != preSync { // which is what tells how many there are
		text += fmt.Sprintf("; %s operations are left to the next sync", grouped(s.progress.Remaining))
	}
	return text + s.startedBy(startedBy(ctx))
}

func (s *syncRun) startedBy(what string) string {
	switch what {
	case StartedByTick:
		return "; started by a tick"
	case StartedByTrigger:
		return "; started by hand or by a nudge"
	default:
		return ""
	}
}
