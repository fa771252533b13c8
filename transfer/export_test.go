package transfer

import (
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// What bounds a batch.
const (
	FullBlock = fullBlock
	Readers   = readers
	Inserters = inserters
)

// Chunk is what a cutter made.
type Chunk struct {
	First, Last int
	Coalesced   int64
	Failed      []chferry.FailedOperation
	Groups      map[string]Group // by database
}

// Group is the operations of a chunk on one database.
type Group struct {
	Keys []rowset.Vector
	Ops  []chferry.Operation
}

// Cut cuts the operations of a batch, which come in pages, into chunks.
func Cut(plan Plan, batch chferry.Batch, pages ...[]chferry.Operation) []Chunk {
	c, chunks := newCutter(plan, batch), []Chunk(nil)
	keep := func(w *window) error {
		out := Chunk{First: w.first, Last: w.last, Coalesced: w.coalesced, Failed: w.failed, Groups: map[string]Group{}}
		for database, g := range w.shares {
			ops := make([]chferry.Operation, g.ops.len())
			for i := range ops {
				ops[i] = g.ops.at(i)
			}
			out.Groups[database] = Group{g.keys, ops}
		}
		chunks = append(chunks, out)
		return nil
	}
	for _, page := range pages {
		if err := c.add(page, keep); err != nil {
			panic(err) // keep has none
		}
	}
	if err := c.flush(keep); err != nil {
		panic(err)
	}
	return chunks
}

// Pace is how many rows are asked for at once.
type Pace struct{ *pace }

// NewPace returns that of a table with columns.
func NewPace(columns []rowset.Column) Pace { return Pace{newPace(columns)} }

// Next returns how many of the rows that are left to ask for.
func (p Pace) Next(left int) int { return p.next(left) }

// TooMuch notes that too many were asked for.
func (p Pace) TooMuch(asked, fitted int) int { return p.tooMuch(asked, fitted) }

// Fitted notes the size of those that were asked for.
func (p Pace) Fitted(asked, bytes int) { p.fitted(asked, bytes) }

// TooSlow notes after what time a fetch was ended.
func (p Pace) TooSlow(after time.Duration) { p.tooSlow(after) }

// Took notes how long what was asked for took.
func (p Pace) Took(asked int, d time.Duration) { p.took(asked, d) }
