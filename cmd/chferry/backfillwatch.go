package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// join waits for the backfill that runs.
func (b *backfill) join(ctx context.Context) error {
	if err := b.running(b.starter.Backfill(ctx, b.imp.Key)); err != nil {
		return err
	}
	return b.watch(ctx)
}

// watch waits until the backfill has ended, shows how it goes, and prints its result.
func (b *backfill) watch(ctx context.Context) error {
	result, err := b.watched(ctx)
	if err != nil {
		return err
	}
	if isTerminal(b.app.out) && !b.asJSON {
		fmt.Fprintln(b.app.out, copiedWords(result, b.imp.Key))
	} else if err := json.NewEncoder(b.app.out).Encode(result); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	switch result.Outcome {
	case activities.OutcomePartial:
		return errPartial
	case activities.OutcomeSuperseded:
		return b.superseded()
	default:
		return nil
	}
}

func (b *backfill) watched(ctx context.Context) (workflows.BackfillResult, error) {
	shown, watch := b.watching(b.starter.BackfillID(b.imp.Key))
	defer shown.end()
	return b.starter.WatchBackfill(ctx, b.imp.Key, watch)
}

// copiedWords says for people how a backfill ended.
func copiedWords(r workflows.BackfillResult, key chferry.ImportKey) string {
	text := fmt.Sprintf("%s: %s in %.1f s", r.Outcome, chferry.Amount(r.Rows, "row", "rows"), r.Seconds)
	if r.Failed > 0 {
		text += fmt.Sprintf("; %s can't be imported, and the next sync sets them aside: chferry failed list %s",
			chferry.Amount(r.Failed, "row", "rows"), key)
	}
	return text
}
