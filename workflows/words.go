package workflows

import (
	"fmt"

	"github.com/chferry/chferry/activities"
)

// counts says in words what became of operations. What is 0 goes without saying, rows excepted.
func counts(o activities.Outcome) string {
	text := fmt.Sprintf("%d rows", o.Rows)
	for _, of := range []struct {
		n    int64
		word string
	}{{o.Deletes, "deletes"}, {o.Coalesced, "coalesced"}, {o.Failed, "failed"}} {
		if of.n > 0 {
			text += fmt.Sprintf(", %d %s", of.n, of.word)
		}
	}
	return text
}

// words says in a line how a sync ended.
func (r SyncResult) words() string {
	text := fmt.Sprintf("**%s**: %d operations in %d batches became %s", r.Outcome, r.Operations, r.Batches, counts(activities.Outcome{
		Rows: r.Rows, Deletes: r.Deletes, Coalesced: r.Coalesced, Failed: r.Failed,
	}))
	if r.Limit != "" {
		text += fmt.Sprintf("; %s was reached, %d operations are left to the next sync", r.Limit, r.Remaining)
	}
	return text
}
