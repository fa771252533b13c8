package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/chferry/chferry"
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
func failingBeside(f *chferry.Failing, now time.Time, key chferry.ImportKey, problems error) string {
	rest := f.Reason
	for _, problem := range chferry.Problems(problems) {
		rest = strings.ReplaceAll(rest, problem.Error(), "")
	}
	rest = strings.ReplaceAll(rest, fmt.Sprintf("import key %s: ", key), "")
	if strings.Trim(rest, "; ") != "" {
		return failing(f, now)
	}
	return fmt.Sprintf("%s failed for this: %s (failing since %s, %s)", ago(f.Last, now), f.Step,
		f.Since.UTC().Format(time.RFC3339), chferry.Amount(f.Attempts, "attempt", "attempts"))
}

// failing says since when and why steps of syncs fail.
func failing(f *chferry.Failing, now time.Time) string {
	return fmt.Sprintf("%s failed: %s: %s (failing since %s, %s)", ago(f.Last, now), f.Step, f.Reason,
		f.Since.UTC().Format(time.RFC3339), chferry.Amount(f.Attempts, "attempt", "attempts"))
}
