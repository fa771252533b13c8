package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// lineEvery is how often a line is printed where nothing can be drawn.
const lineEvery = time.Second

// progress shows how a sync goes: a bar on a terminal, elsewhere a line now and then.
type progress struct {
	out   *mutable
	bar   *progressbar.ProgressBar // nil: lines
	first workflows.SyncProgress   // what was known first, and when: rows per second are counted from there
	begun time.Time
	last  workflows.SyncProgress
	shown time.Time
}

// mutable is a writer that can be muted.
type mutable struct {
	io.Writer
	muted bool
}

// Write writes, or takes what would be written for written.
func (m *mutable) Write(b []byte) (int, error) {
	if m.muted {
		return len(b), nil
	}
	return m.Writer.Write(b)
}

func newProgress(out io.Writer, terminal bool) *progress {
	p := &progress{out: &mutable{Writer: out}}
	if terminal {
		p.bar = progressbar.NewOptions64(1,
			progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(20), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false))
	}
	return p
}

func (p *progress) show(now workflows.SyncProgress) {
	if p.begun.IsZero() {
		p.begun, p.first = time.Now(), now
	}
	if p.bar != nil {
		p.draw(now)
		return
	}
	if now == p.last || time.Since(p.shown) < lineEvery {
		return
	}
	p.shown, p.last = time.Now(), now
	fmt.Fprintf(p.out, "%s: batch %d, %s\n", now.Step, now.Batches+1, p.words(now))
}

// draw draws the bar once, although each of its changes would. One that can't be drawn is no reason to stop.
func (p *progress) draw(now workflows.SyncProgress) {
	total := now.Operations + now.Remaining
	if total == 0 {
		return
	}
	p.out.muted = true
	p.bar.ChangeMax64(total + 1) // at its end the bar would vanish for good
	_ = p.bar.Set64(now.Operations)
	p.out.muted = false
	p.bar.Describe(p.words(now))
}

// note prints a line, in the bar's place until the bar is drawn again.
func (p *progress) note(text string) {
	p.end()
	fmt.Fprintln(p.out, text)
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *progress) words(now workflows.SyncProgress) string {
	text := fmt.Sprintf("%s operations done, %s remaining", chferry.Thousands(now.Operations), chferry.Thousands(now.Remaining))
	if rows := now.Rows - p.first.Rows; rows > 0 {
		text += ", " + chferry.Thousands(int64(float64(rows)/time.Since(p.begun).Seconds())) + " rows/s"
	}
	if now.Waiting != "" {
		text += ", waiting " + now.Waiting
	}
	return text
}
