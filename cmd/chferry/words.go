package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
)

// ago says how long ago a time was, in its greatest unit: 3s ago, 5m ago, 2h ago, 4d ago.
func ago(t, now time.Time) string {
	return shortly(now.Sub(t)) + " ago"
}

// shortly writes a duration in its greatest unit. One that is negative, because clocks differ, is 0s.
func shortly(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}

// failingBeside is failing without a reason that is among the problems which are told beside it.
func failingBeside(s api.ImportStatus, now time.Time, problems error) string {
	f, rest := s.Failing, s.Failing.Reason
	for _, problem := range chferry.Problems(problems) {
		rest = strings.ReplaceAll(rest, problem.Error(), "")
	}
	rest = strings.ReplaceAll(rest, fmt.Sprintf("import key %s: ", s.Key), "")
	switch {
	case problems == nil && seen(f.Code):
		return "last " + failedAgo(f, now, f.Step+": "+f.Reason) + "; check finds nothing of it any more"
	case strings.Trim(rest, "; ") != "":
		return failing(s, now)
	}
	return lastFailed(s, now, f.Step+" for this")
}

// seen tells whether check would see that what failed with a code fails still. Rows it does not look at.
func seen(code chferry.Code) bool {
	switch code {
	case chferry.CodeConfiguration, chferry.CodeSchemaMismatch, chferry.CodeSourceChanged, chferry.CodeAccessDenied,
		chferry.CodeUnavailable, chferry.CodeUnknownKey:
		return true
	default:
		return false
	}
}

// failing says since when and why steps of syncs fail, or that they did when they were tried last.
func failing(s api.ImportStatus, now time.Time) string {
	return lastFailed(s, now, s.Failing.Step+": "+s.Failing.Reason)
}

func lastFailed(s api.ImportStatus, now time.Time, what string) string {
	text := failedAgo(s.Failing, now, what)
	if again := triedAgain(s, now); again != "" {
		return "last " + text + "; nothing has been tried since: " + again
	}
	return text
}

func failedAgo(f *chferry.Failing, now time.Time, what string) string {
	return fmt.Sprintf("failed %s: %s (failing since %s, %s)",
		ago(f.Last, now), what, f.Since.UTC().Format(time.RFC3339), chferry.Amount(f.Attempts, "attempt", "attempts"))
}

// current is for how long a failure is news.
const current = time.Minute

// triedAgain says what tries again what failed; empty if the failure is news, or that is not known.
func triedAgain(s api.ImportStatus, now time.Time) string {
	switch {
	case s.Schedule == nil || s.Schedule.Running:
		return ""
	case s.Schedule.Paused:
		return "its schedule is paused: chferry resume " + string(s.Key)
	case s.Schedule.Next.IsZero():
		return "its schedule starts no sync by itself: chferry sync " + string(s.Key)
	case now.Sub(s.Failing.Last) < current:
		return ""
	default:
		return "the next sync begins at " + s.Schedule.Next.Format(time.RFC3339)
	}
}
