package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// How often a line is printed where nothing can be drawn: each second at first, and then after a twentieth of the time
// that has passed, so that a log of hours is not long.
const (
	lineEvery   = time.Second
	lineShare   = 20
	lineLongest = time.Minute
)

// meter shows how far something is: a bar on a terminal, elsewhere a line now and then.
type meter struct {
	out   *mutable
	bar   *progressbar.ProgressBar // nil: lines
	begun time.Time
	last  any // state that a line was printed of
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

func newMeter(out io.Writer, terminal bool) *meter {
	m := &meter{out: &mutable{Writer: out}, begun: time.Now()}
	if terminal {
		m.bar = progressbar.NewOptions64(1,
			progressbar.OptionSetWriter(m.out), progressbar.OptionSetWidth(barWidth), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionSetPredictTime(false))
	}
	return m
}

// line prints a line about a state, unless the last line was about the same state or was printed a moment ago.
func (m *meter) line(state any, text string) {
	every := min(max(lineEvery, time.Since(m.begun)/lineShare), lineLongest)
	if state == m.last || time.Since(m.shown) < every {
		return
	}
	m.shown, m.last = time.Now(), state
	fmt.Fprintln(m.out, oneLine(text))
}

// draw draws the bar once, although each of its changes would. One that can't be drawn is no reason to stop.
func (m *meter) draw(done, total int64, words string) {
	if total <= 0 {
		return
	}
	m.out.muted = true
	m.bar.ChangeMax64(total + 1) // at its end the bar would vanish for good
	_ = m.bar.Set64(min(done+1, total))
	m.out.muted = false
	m.bar.Describe(shortened(oneLine(words), columns(m.out.Writer)-besideWords))
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
func (m *meter) note(text string) {
	m.end()
	fmt.Fprintln(m.out, oneLine(text))
}

// end takes the bar away.
func (m *meter) end() {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
}
