package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/schollz/progressbar/v3"

	"github.com/chferry/chferry"
)

// show prints what a person watches. It may be called from several goroutines.
type show struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	current  *progressbar.ProgressBar // drawn on the last line; nil: none
}

// ANSI sequences, on terminals alone.
const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

func (s *show) style(text, ansi string) string {
	if !s.terminal {
		return text
	}
	return ansi + text + plain
}

func (s *show) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		_ = s.current.Clear() // the next change draws it again, below
	}
	fmt.Fprintln(s.out, text)
}

func (s *show) title(format string, args ...any) {
	s.print("\n" + s.style(fmt.Sprintf(format, args...), bold))
}

// line prints one fact under a word.
func (s *show) line(word, format string, args ...any) {
	s.print(fmt.Sprintf("  %-12s %s", word, fmt.Sprintf(format, args...)))
}

func (s *show) lines(text string) {
	for line := range strings.Lines(text) {
		s.print("  " + strings.TrimRight(line, "\n"))
	}
}

func (s *show) verdict(equal bool) {
	if equal {
		s.print("\n" + s.style("equal", bold+green) +
			": ClickHouse holds what the source holds, nothing lost and nothing twice")
	} else {
		s.print("\n" + s.style("different", bold+red) + ": ClickHouse does not hold what the source holds")
	}
}

// comparisons prints the table at the end, and the first differences if there are any.
func (s *show) comparisons(tables []comparison) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "  table\tsource\tClickHouse\tdeleted\tdifferent\t")
	for _, c := range tables {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t\n", c.table, chferry.Thousands(c.source),
			chferry.Thousands(c.target), chferry.Thousands(c.deleted), chferry.Thousands(c.different))
	}
	_ = table.Flush() // a strings.Builder takes everything
	s.print(strings.TrimRight(text.String(), "\n"))
	for _, c := range tables {
		for _, difference := range c.examples {
			s.line("different", "%s: %s", c.table, difference)
		}
	}
}

// bar shows progress: drawn on a terminal, one line at its end elsewhere.
type bar struct {
	show  *show
	what  string
	total int
	ended bool
	count int
	drawn *progressbar.ProgressBar
}

// bar starts a bar of total steps; 0: nobody knows how many, so that there is nothing to draw before the end.
func (s *show) bar(what string, total int) *bar {
	b := &bar{show: s, what: what, total: total}
	if !s.terminal || total == 0 {
		return b
	}
	b.drawn = progressbar.NewOptions(total,
		progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription("  "+what), progressbar.OptionSetWidth(30),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false))
	s.mu.Lock()
	s.current = b.drawn
	s.mu.Unlock()
	return b
}

func (b *bar) add(n int) {
	b.show.mu.Lock()
	defer b.show.mu.Unlock()
	b.count += n
	if b.drawn != nil {
		_ = b.drawn.Add(n) // a bar that can't be drawn is no reason to stop
	}
}

// download returns what is told how far a download is. It draws a bar from the first bytes to the last.
func (s *show) download() func(done, total int64) {
	var b *bar
	return func(done, total int64) {
		const megabyte = 1 << 20
		if b == nil {
			b = s.bar("MB downloaded", int(total/megabyte))
		}
		b.add(int(done/megabyte) - b.count)
		if done == total {
			b.done()
		}
	}
}

// remaining says how many steps are to go.
func (b *bar) remaining(n int) {
	if step := b.total - n - b.count; step > 0 {
		b.add(step)
	}
}

// done ends the bar with one line that says how far it got. Only the first call counts.
func (b *bar) done() {
	if b.ended {
		return
	}
	b.ended = true
	if b.drawn != nil {
		b.show.mu.Lock()
		_ = b.drawn.Clear()
		b.show.current = nil
		b.show.mu.Unlock()
	}
	b.show.line(chferry.Thousands(b.count), "%s", b.what)
}
