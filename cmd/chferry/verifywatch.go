package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// watch waits until the verify has ended, shows how it goes, and prints its result.
func (v *verify) watch(ctx context.Context) error {
	result, err := v.watched(ctx)
	if err != nil {
		return err
	}
	if isTerminal(v.app.out) && !v.asJSON {
		fmt.Fprintln(v.app.out, comparedWords(result))
		// The notes are not part of the result. One that can't be read is no reason to fail.
		if status, err := api.ReadVerify(ctx, v.storage, v.starter, v.imp.Key); err == nil {
			for _, note := range verifyNotes(status) {
				fmt.Fprintln(v.app.out, note)
			}
		}
	} else if err := json.NewEncoder(v.app.out).Encode(result); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	switch result.Outcome {
	case activities.OutcomeDifferent, activities.OutcomeRepaired:
		return errPartial
	case activities.OutcomeSuperseded:
		return v.superseded()
	default:
		return nil
	}
}

func (v *verify) watched(ctx context.Context) (workflows.VerifyResult, error) {
	shown, watch := v.watching(v.starter.VerifyID(v.imp.Key))
	defer shown.end()
	return v.starter.WatchVerify(ctx, v.imp.Key, watch)
}

// comparedWords says for people how a verify ended: "different: 5,000 rows compared in 1.2 s: 1 missing, 2 stale".
func comparedWords(r workflows.VerifyResult) string {
	text := fmt.Sprintf("%s: %s compared in %.1f s", r.Outcome, chferry.Amount(r.Rows, "row", "rows"), r.Seconds)
	if found := differencesWords(r.Missing, r.Stale, r.Surplus); found != "" {
		text += ": " + found
	}
	if r.Registered > 0 {
		text += "; " + chferry.Amount(r.Registered, "operation", "operations") + " registered"
	}
	return text
}

// differencesWords says how many differences of which kinds there are; empty if there are none.
func differencesWords(missing, stale, surplus int64) (text string) {
	for _, d := range []struct {
		kind  storage.DifferenceKind
		count int64
	}{{storage.Missing, missing}, {storage.Stale, stale}, {storage.Surplus, surplus}} {
		if d.count == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += chferry.Thousands(d.count) + " " + string(d.kind)
	}
	return text
}
