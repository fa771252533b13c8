package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// join waits for the backfill that runs.
func (b *backfill) join(ctx context.Context) error {
	job, err := b.starter.Backfill(ctx, b.imp.Key)
	if err != nil {
		return err
	}
	if !job.Running {
		return chferry.Errorf(chferry.CodeInvalid, "no backfill of %s runs: chferry backfill %[1]s --wait starts one",
			b.imp.Key)
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
		return chferry.Errorf(chferry.CodeSuperseded,
			"the backfill of %s was superseded before its end: by another backfill, or a flush of the import key",
			b.imp.Key)
	default:
		return nil
	}
}

func (b *backfill) watched(ctx context.Context) (workflows.BackfillResult, error) {
	shown := &backfillProgress{meter: newMeter(raw(b.app.errOut), isTerminal(b.app.errOut)), key: b.imp.Key}
	defer shown.end()
	if shown.bar != nil {
		shown.note("workflow " + b.starter.BackfillID(b.imp.Key))
	}
	return b.starter.WatchBackfill(ctx, b.imp.Key, starter.JobWatch{
		Look: func(ctx context.Context, job chferry.JobStatus) {
			progress, err := b.storage.RangesProgress(ctx, b.imp.Key, storage.Backfill)
			if err == nil { // else the next look may be answered
				shown.show(api.NewBackfillStatus(b.imp.Key, job, progress))
			}
		},
		NoWorker: func() {
			shown.note(fmt.Sprintf("waiting: no worker polls task queue %q at %s (start one: chferry worker)",
				b.starter.TaskQueue(), b.starter.Address()))
		},
		Failed: func(step chferry.FailingStep) {
			shown.note(failedWords(api.FailingStep(step)))
		},
	})
}

// backfillProgress shows how a backfill goes.
type backfillProgress struct {
	*meter
	key   chferry.ImportKey
	looks []look
	state string // that was told
}

// look is how many rows there were at a time.
type look struct {
	at   time.Time
	rows int64
}

// rateOver is the time that the rows per second are the mean of. Readers save what they copied every few seconds.
const rateOver = 30 * time.Second

func (p *backfillProgress) show(now api.BackfillStatus) {
	if paused := now.State == api.BackfillPaused; paused && p.state != now.State {
		p.note(fmt.Sprintf("paused: chferry backfill %s --resume lets it go on", p.key))
	}
	p.state = now.State
	if now.State != api.BackfillRunning || now.Ranges == 0 {
		p.looks = nil
		return
	}
	p.measure(&now)
	words := rowsWords(now.Rows, max(now.Rows, now.Estimated)) + paceWords(now)
	if now.Waiting != "" && now.RowsPerSecond == 0 {
		words += ", waiting " + now.Waiting
	}
	if p.bar == nil {
		state := struct{ rows, finished int64 }{now.Rows, now.Finished}
		p.line(state, string(p.key)+": "+words)
		return
	}
	if now.Estimated == 0 { // nobody knows, as of a table without statistics
		p.draw(now.Finished, now.Ranges, words)
		return
	}
	p.draw(min(now.Rows, now.Estimated), now.Estimated, words)
}

// rowsWords says how many rows of how many are copied, of many in millions, so that the pace has room on a terminal.
func rowsWords(rows, estimated int64) string {
	const many, million = 100_000_000, 1_000_000
	if estimated < many {
		return fmt.Sprintf("%s of ~%s rows", chferry.Thousands(rows), chferry.Thousands(estimated))
	}
	return fmt.Sprintf("%sM of ~%sM rows", chferry.Thousands(rows/million), chferry.Thousands(estimated/million))
}

// measure replaces the pace since the beginning by that of the last seconds.
func (p *backfillProgress) measure(now *api.BackfillStatus) {
	p.looks = append(p.looks, look{time.Now(), now.Rows})
	for len(p.looks) > 2 && time.Since(p.looks[0].at) > rateOver {
		p.looks = p.looks[1:]
	}
	now.RowsPerSecond, now.Remaining = 0, nil
	if took := time.Since(p.looks[0].at).Seconds(); len(p.looks) > 1 {
		now.RowsPerSecond = float64(now.Rows-p.looks[0].rows) / took
	}
	if rest := float64(now.Estimated - now.Rows); rest > 0 && now.RowsPerSecond > 0 {
		rest /= now.RowsPerSecond
		now.Remaining = &rest
	}
}

// paceWords says how fast a backfill is and how long it still takes, if that is known.
func paceWords(s api.BackfillStatus) string {
	text := ""
	if s.RowsPerSecond > 0 {
		text += ", " + chferry.Thousands(int64(s.RowsPerSecond)) + " rows/s"
	}
	if s.Remaining != nil {
		rest := time.Duration(*s.Remaining * float64(time.Second))
		text += ", " + chferry.DurationText(rest.Round(time.Second)) + " to go"
	}
	return text
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
