package main

import (
	"fmt"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/storage"
)

// jobProgress shows how a backfill goes, or a verify.
type jobProgress struct {
	*meter
	kind  storage.JobKind
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

func (p *jobProgress) show(now api.JobStatus) {
	if paused := now.State == api.JobPaused; paused && p.state != now.State && p.kind == storage.Verify {
		p.note("paused: the signal resume lets the workflow go on")
	} else if paused && p.state != now.State {
		p.note(fmt.Sprintf("paused: chferry backfill %s --resume lets it go on", p.key))
	}
	p.state = now.State
	if now.State != api.JobRunning || now.Ranges == 0 {
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
func (p *jobProgress) measure(now *api.JobStatus) {
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
func paceWords(s api.JobStatus) string {
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
