package transfer_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/transfer"
)

const mb = 1 << 20

// columnsOf are so many nullable integers, each of which takes 9 bytes.
func columnsOf(n int) []rowset.Column {
	return slices.Repeat([]rowset.Column{{Type: rowset.Type{Kind: rowset.Int64, Nullable: true}}}, n)
}

// slow notes that so many rows took too long.
func slow(p transfer.Pace, asked int, after time.Duration) {
	p.TooSlow(after)
	p.TooMuch(asked, asked/2)
}

// TestPace: the readers ask for what fills a block, come to it in a few steps, and are not slowed
// down by what is small.
func TestPace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		columns int
		do      func(transfer.Pace)
		want    int // asked for of 25,000
	}{
		"of the first rows":      {10, func(transfer.Pace) {}, 20_000},
		"of small rows":          {10, func(p transfer.Pace) { p.Fitted(20_000, 15*mb) }, 20_000},
		"of large rows":          {10, func(p transfer.Pace) { p.TooMuch(20_000, 16) }, 16},
		"of the largest rows":    {10, func(p transfer.Pace) { p.TooMuch(20_000, 1) }, 1},
		"after one row":          {10, func(p transfer.Pace) { p.TooMuch(2, 1) }, 1},
		"when few fit":           {10, func(p transfer.Pace) { p.TooMuch(16, 15) }, 8},
		"that fills a block":     {10, func(p transfer.Pace) { p.TooMuch(20_000, 1000); p.Fitted(1000, 8*mb) }, 500},
		"of what fills it alone": {10, func(p transfer.Pace) { p.TooMuch(20_000, 1); p.Fitted(1, 30*mb) }, 1},
		"of smaller rows":        {10, func(p transfer.Pace) { p.TooMuch(20_000, 100); p.Fitted(100, 2*mb) }, 200},
		"of much smaller rows":   {10, func(p transfer.Pace) { p.TooMuch(20_000, 100); p.Fitted(100, 1000) }, 400},
		"of deletes": {
			10, func(p transfer.Pace) { p.TooMuch(20_000, 1); p.Fitted(1, 0); p.Fitted(4, 0) },
			16,
		},
		"after the last of many": {10, func(p transfer.Pace) { p.TooMuch(20_000, 1000); p.Fitted(1, 4*1024) }, 1000},
		"after a last large one": {10, func(p transfer.Pace) { p.TooMuch(20_000, 1000); p.Fitted(1, 8*mb) }, 1},
		"of slow rows": {10, func(p transfer.Pace) {
			slow(p, 20_000, time.Minute)
			p.Fitted(10_000, 0)
			p.Took(10_000, 40*time.Second)
		}, 7_500},
		"of less slow rows": {
			10, func(p transfer.Pace) { slow(p, 200, time.Minute); p.Fitted(100, 0); p.Took(100, 10*time.Second) }, 300,
		},
		"of rows that were locked": {
			10, func(p transfer.Pace) { slow(p, 200, time.Minute); p.Fitted(100, 0); p.Took(100, time.Millisecond) },
			400,
		},
		"of the slowest rows": {
			10, func(p transfer.Pace) { slow(p, 2, time.Minute); p.Fitted(1, 0); p.Took(1, 50*time.Second) }, 1,
		},
		"of large and quick rows": {
			10, func(p transfer.Pace) { p.TooMuch(20_000, 100); p.Fitted(100, 2*mb); p.Took(100, time.Hour) }, 200,
		},
		"of many columns": {1000, func(transfer.Pace) {}, transfer.FullBlock / 9000},
		"of many and small values": {
			1000, func(p transfer.Pace) { p.Fitted(900, 900*9000) }, 900 * transfer.FullBlock / (900 * 9000),
		},
	} {
		p := transfer.NewPace(columnsOf(test.columns))
		test.do(p)
		if got := p.Next(20_000); got != test.want {
			t.Errorf("%s: got %d rows, want %d", name, got, test.want)
		}
		if got := p.Next(1); got != 1 {
			t.Errorf("%s: %d rows of one that is left", name, got)
		}
	}
}

// TestMemoryInTheDocs compares the bounds with those that docs/workflows.md tells.
func TestMemoryInTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/workflows.md")
	ok(t, err)
	const fetch, block = source.DefaultFetchBytes / mb, transfer.FullBlock / mb
	for _, want := range []string{
		fmt.Sprintf("in chunks of %d,%03d operations, two at a time", transfer.MaxChunk/1000, transfer.MaxChunk%1000),
		fmt.Sprintf("| the rows of one fetch | %d MB.", fetch),
		fmt.Sprintf("as soon as it has %d MB, so %[1]d MB and a fetch", block),
		fmt.Sprintf("two readers' blocks, and the two that are inserted: %d MB",
			(transfer.Readers+transfer.Inserters)*(block+fetch)),
		fmt.Sprintf("where it has more than %d MB", fetch),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/workflows.md does not say %q", want)
		}
	}
}
