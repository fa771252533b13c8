package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// progress shows how a sync goes.
type progress struct {
	*meter
	first workflows.SyncProgress // what was known first, and when: rows per second are counted from there
	known time.Time
}

func newProgress(out io.Writer, terminal bool) *progress {
	return &progress{meter: newMeter(out, terminal)}
}

func (p *progress) show(now workflows.SyncProgress) {
	if p.known.IsZero() {
		p.known, p.first = time.Now(), now
	}
	words := p.words(now)
	if p.bar == nil {
		p.line(now, fmt.Sprintf("%s: batch %d, %s", now.Step, now.Batches+1, words))
		return
	}
	p.draw(now.Operations, now.Operations+now.Remaining, strings.Replace(words, " operations", "", 1))
}

func (p *progress) words(now workflows.SyncProgress) string {
	text := fmt.Sprintf("%s operations done, %s remaining",
		chferry.Thousands(now.Operations), chferry.Thousands(now.Remaining))
	if rows := now.Rows - p.first.Rows; rows > 0 {
		text += ", " + chferry.Thousands(int64(float64(rows)/time.Since(p.known).Seconds())) + " rows/s"
	}
	if now.Waiting != "" {
		text += ", waiting " + now.Waiting
	}
	return text
}
