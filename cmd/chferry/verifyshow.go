package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/api"
)

// show prints how the last verify is.
func (v *verify) show(ctx context.Context) error {
	status, err := api.ReadVerify(ctx, v.storage, v.starter, v.imp.Key)
	if err != nil {
		return err
	}
	if v.asJSON {
		return v.app.printJSON(status)
	}
	if status.State == api.JobNone {
		_, err := fmt.Fprintf(v.app.out, "%s: there was no verify: chferry verify %[1]s starts one\n", v.imp.Key)
		return err
	}
	fmt.Fprintf(v.app.out, "%s: %s\n", v.imp.Key, verifyWords(status))
	notes := jobNotes(status.JobStatus, v.starter.TaskQueue(), time.Now())
	for _, note := range append(notes, verifyNotes(status)...) {
		fmt.Fprintf(v.app.out, "%s: %s\n", v.imp.Key, note)
	}
	return nil
}

// verifyWords says in what state a verify is, how far, and what it has found.
func verifyWords(s api.VerifyStatus) string {
	text := jobWords(s.JobStatus, "not compared")
	if found := differencesWords(s.Missing, s.Stale, s.Surplus); found != "" {
		text += ": " + found
	}
	return text
}

// verifyNotes says where the differences of a verify are named, how they are mended and what was not compared.
func verifyNotes(s api.VerifyStatus) (notes []string) {
	if s.Missing+s.Stale+s.Surplus > 0 {
		notes = append(notes, fmt.Sprintf("chferry verify %s --list names the rows that differ", s.Key))
	}
	switch s.State {
	case activities.OutcomeRepaired:
		notes = append(notes, "the next sync mends them")
	case activities.OutcomeDifferent:
		notes = append(notes, fmt.Sprintf("chferry verify %s --repair has them synced", s.Key))
	}
	if len(s.NotCompared) > 0 {
		notes = append(notes, "not compared, as they are not synced: "+namedColumns(s.NotCompared))
	}
	if s.Failed > 0 {
		notes = append(notes, fmt.Sprintf(
			"not compared: %s: set aside (chferry failed list %s), unreadable or changing too fast",
			chferry.Amount(s.Failed, "row", "rows"), s.Key))
	}
	if s.OneWay {
		notes = append(notes, "not looked for: rows that only ClickHouse has")
	}
	if s.Clamped > 0 {
		notes = append(notes, chferry.Amount(s.Clamped, "value was", "values were")+
			" clamped to what the column of ClickHouse can hold")
	}
	return notes
}

// mostNamed is how many columns a note names.
const mostNamed = 10

func namedColumns(names []string) string {
	word := "column "
	if len(names) > 1 {
		word = "columns "
	}
	if more := len(names) - mostNamed; more > 0 {
		return fmt.Sprintf("%s%s and %d more", word, strings.Join(names[:mostNamed], ", "), more)
	}
	return word + strings.Join(names, ", ")
}
