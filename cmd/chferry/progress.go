package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

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
			progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(barWidth), progressbar.OptionClearOnFinish(),
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
	fmt.Fprintln(p.out, oneLine(fmt.Sprintf("%s: batch %d, %s", now.Step, now.Batches+1, p.words(now))))
}

// draw draws the bar once, although each of its changes would. One that can't be drawn is no reason to stop.
func (p *progress) draw(now workflows.SyncProgress) {
	total := now.Operations + now.Remaining
	if total == 0 {
		return
	}
	p.out.muted = true
	p.bar.ChangeMax64(total + 1) // at its end the bar would vanish for good
	_ = p.bar.Set64(min(now.Operations+1, total))
	p.out.muted = false
	words := strings.Replace(p.words(now), " operations", "", 1)
	p.bar.Describe(shortened(oneLine(words), columns(p.out.Writer)-besideWords))
}

// The bar is in one line of a terminal: a line that wraps can't be drawn over. Beside the words are
// the bar, its ends and the percentage.
const (
	barWidth    = 12
	besideWords = barWidth + 10
)

// shortened cuts a text that has more than so many letters.
func shortened(text string, letters int) string {
	if runes := []rune(text); len(runes) > letters {
		return string(runes[:max(0, letters-1)]) + "…"
	}
	return text
}

// columns returns the width of a terminal, 80 where it is not known.
func columns(out io.Writer) int {
	const usual = 80
	f, ok := out.(*os.File)
	if !ok {
		return usual
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return usual
	}
	return width
}

// note prints a line, in the bar's place until the bar is drawn again.
func (p *progress) note(text string) {
	p.end()
	fmt.Fprintln(p.out, oneLine(text))
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *progress) words(now workflows.SyncProgress) string {
	text := fmt.Sprintf("%s operations done, %s remaining",
		chferry.Thousands(now.Operations), chferry.Thousands(now.Remaining))
	if rows := now.Rows - p.first.Rows; rows > 0 {
		text += ", " + chferry.Thousands(int64(float64(rows)/time.Since(p.begun).Seconds())) + " rows/s"
	}
	if now.Waiting != "" {
		text += ", waiting " + now.Waiting
	}
	return text
}
