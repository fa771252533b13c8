package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

func (a *app) syncCommand() *cobra.Command {
	var wait, asJSON bool
	cmd := &cobra.Command{
		Use:   "sync KEY",
		Short: "Trigger a sync of an import key, through its schedule",
		Long: `Trigger a sync of an import key, through its schedule. If a sync is running, another
one begins when it has ended. With --wait, progress goes to standard error, as a bar
on a terminal and else as a line a second, and the result to standard output: as one
JSON object, or in words where that is a terminal. The exit status is 3 if operations
were set aside as failed, also by a sync that was running already.`,
		Args: args(oneKey),
		RunE: func(cmd *cobra.Command, values []string) error { return a.sync(cmd, values[0], wait, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON on a terminal, too")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the sync has ended and print its result")
	return cmd
}

func (a *app) sync(cmd *cobra.Command, key string, wait, asJSON bool) error {
	cfg, imp, err := a.loadKey(key)
	if err != nil {
		return err
	}
	s, err := a.openStarter(cfg, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	if !wait {
		if err := s.Trigger(cmd.Context(), imp.Key); err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "triggered %s\n", imp.Key)
		return err
	}
	before, err := s.Describe(cmd.Context(), imp.Key)
	if err != nil {
		return err
	}
	result, partial, err := a.watch(cmd.Context(), s, imp.Key)
	if err != nil {
		return err
	}
	words, inJSON := inWords(result), asJSON || !isTerminal(a.out)
	if result.Outcome == activities.OutcomeIdle {
		var aside bool
		words, aside = idleInWords(cmd.Context(), s, before)
		partial = partial || aside
		if inJSON {
			fmt.Fprintln(a.errOut, words)
		}
	}
	if !inJSON {
		fmt.Fprintln(a.out, words)
	} else if err := json.NewEncoder(a.out).Encode(result); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if partial {
		return errPartial
	}
	return nil
}

// watch waits for a sync, and one that runs before it, and shows how they go. partial tells that
// one of them set operations aside.
func (a *app) watch(ctx context.Context, s *starter.Starter,
	key chferry.ImportKey,
) (result workflows.SyncResult, partial bool, err error) {
	terminal := isTerminal(a.errOut)
	shown := newProgress(raw(a.errOut), terminal)
	defer func() { shown.end() }()
	result, err = s.SyncWatched(ctx, key, starter.Watch{
		Progress: func(p workflows.SyncProgress) { shown.show(p) },
		Behind: func(string) {
			shown.note("a sync of " + string(key) + " is running: waiting for it, then another one begins")
		},
		Before: func(result workflows.SyncResult, err error) {
			partial = partial || result.Outcome == activities.OutcomePartial
			text := "the sync that was running ended"
			if err != nil {
				text += ": " + err.Error()
			} else {
				text += " " + inWords(result)
			}
			shown.note(text + "; now another one begins")
			shown = newProgress(raw(a.errOut), terminal)
		},
		Started: func(id string) {
			if terminal {
				shown.note("workflow " + id)
			}
		},
		NoWorker: func() {
			shown.note(fmt.Sprintf("waiting: no worker polls task queue %q at %s (start one: chferry worker)",
				s.TaskQueue(), s.Address()))
		},
		Failed: func(step string, attempt int32, reason string) {
			shown.note(fmt.Sprintf("%s failed (attempt %d, it is made again): %s", step, attempt, reason))
		},
	})
	return result, partial || result.Outcome == activities.OutcomePartial, err
}

// idleInWords says for people that a sync had nothing to do, and how the run before it ended: what was pending when
// the sync was asked for, that one has synced. partial tells that it ran then and set operations aside.
func idleInWords(ctx context.Context, s *starter.Starter, before chferry.Schedule) (text string, partial bool) {
	text = "idle: nothing was left to sync"
	if before.LastID == "" {
		return text, false
	}
	text += fmt.Sprintf("; the run before, workflow %s, began %s", before.LastID, ago(before.Last, time.Now()))
	last, ended := s.Result(ctx, before.LastID)
	switch {
	case !ended:
		return text, false
	case last.Outcome == activities.OutcomeIdle:
		return text + " and was idle, too", false
	default:
		return text + " and ended " + inWords(last), before.Running && last.Outcome == activities.OutcomePartial
	}
}

// inWords says for people how a sync ended.
func inWords(r workflows.SyncResult) string {
	text := fmt.Sprintf("%s: %s in %s became %s", r.Outcome, chferry.Amount(r.Operations, "operation", "operations"),
		chferry.Amount(int64(r.Batches), "batch", "batches"), chferry.Amount(r.Rows, "row", "rows"))
	for _, of := range []struct {
		n         int64
		one, many string
	}{{r.Deletes, "delete", "deletes"}, {r.Coalesced, "coalesced", "coalesced"}, {r.Failed, "failed", "failed"}} {
		if of.n > 0 {
			text += ", " + chferry.Amount(of.n, of.one, of.many)
		}
	}
	text += fmt.Sprintf(" in %.1f s", r.Seconds)
	if r.Remaining > 0 {
		text += fmt.Sprintf("; %s for the next sync (%s)",
			chferry.Amount(r.Remaining, "operation is left", "operations are left"), r.Limit)
	}
	return text
}
