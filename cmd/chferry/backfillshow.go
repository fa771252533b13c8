package main

import (
	"context"
	"fmt"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
)

// show prints how the last backfill is.
func (b *backfill) show(ctx context.Context) error {
	status, err := api.ReadBackfill(ctx, b.storage, b.starter, b.imp.Key)
	if err != nil {
		return err
	}
	if b.asJSON {
		return b.app.printJSON(status)
	}
	if status.State == api.JobNone {
		_, err := fmt.Fprintf(b.app.out, "%s: there was no backfill: chferry backfill %[1]s starts one\n", b.imp.Key)
		return err
	}
	fmt.Fprintf(b.app.out, "%s: %s\n", b.imp.Key, backfillWords(status))
	notes := jobNotes(status, b.starter.TaskQueue(), time.Now())
	if status.State == api.JobPaused {
		notes = append(notes, fmt.Sprintf("chferry backfill %s --resume lets it go on", status.Key))
	}
	if status.Failed > 0 {
		notes = append(notes, fmt.Sprintf("a sync sets the rows that failed aside: chferry failed list %s", status.Key))
	}
	for _, note := range notes {
		fmt.Fprintf(b.app.out, "%s: %s\n", b.imp.Key, note)
	}
	return nil
}

// backfillWords says in what state a backfill is and how far: "running, 1,200,000 of about 5,000,000 rows (24 %), …".
func backfillWords(s api.JobStatus) string {
	return jobWords(s, "failed")
}

// jobWords says in what state a job is and how far. failed says what happened to the rows that failed.
func jobWords(s api.JobStatus, failed string) string {
	text := s.State
	if s.Ranges == 0 && s.Rows == 0 {
		if s.State == api.JobRunning {
			text += ", nothing is read yet"
		}
		return text
	}
	if s.Estimated > s.Rows && s.Finished < s.Ranges {
		text += fmt.Sprintf(", %s of about %s (%d %%)", chferry.Thousands(s.Rows),
			chferry.Amount(s.Estimated, "row", "rows"), 100*s.Rows/s.Estimated)
	} else {
		text += ", " + chferry.Amount(s.Rows, "row", "rows")
	}
	if s.Failed > 0 {
		text += fmt.Sprintf(", %s %s", chferry.Thousands(s.Failed), failed)
	}
	if s.State == api.JobRunning {
		text += paceWords(s)
	}
	return text
}

func failedWords(step api.FailingStep) string {
	return fmt.Sprintf("%s failed (attempt %d, it is made again): %s", step.Step, step.Attempt, step.Reason)
}

// jobNotes says what else there is to know of a workflow that reads whole tables.
func jobNotes(s api.JobStatus, taskQueue string, now time.Time) (notes []string) {
	if s.WorkflowID != "" {
		notes = append(notes, fmt.Sprintf("workflow %s, began %s", s.WorkflowID, ago(s.Began, now)))
	}
	if !s.Ended.IsZero() {
		notes = append(notes, "ended "+ago(s.Ended, now))
	}
	if s.Workers != nil && *s.Workers == 0 {
		notes = append(notes, fmt.Sprintf("no worker polls task queue %q: start one: chferry worker", taskQueue))
	}
	if s.Waiting != "" {
		notes = append(notes, "waiting "+s.Waiting)
	}
	for _, step := range s.Failing {
		notes = append(notes, failedWords(step))
	}
	if s.Reason != "" {
		notes = append(notes, s.Reason)
	}
	return notes
}
