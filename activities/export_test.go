package activities

import (
	"context"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// What bounds a batch.
const (
	MaxChunk  = maxChunk
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
func Cut(plan Plan, ticket Ticket, pages ...[]chferry.Operation) []Chunk {
	c, chunks := newCutter(plan, ticket), []Chunk(nil)
	keep := func(w *window) error {
		out := Chunk{First: w.first, Last: w.last, Coalesced: w.coalesced, Failed: w.failed, Groups: map[string]Group{}}
		for database, g := range w.groups {
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

// Run carries one batch to the sink.
func Run(ctx context.Context, a *Activities, plan Plan, in InsertBatchInput) (chferry.Outcome, error) {
	return newPipe(a, in, chferry.DefaultMaxFailed, 1).run(ctx, plan)
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

// Why a step goes back to the task queue.
var (
	ErrNoRoom      = errNoRoom
	ErrLongestTurn = errLongestTurn
)

// Turns are those of some activities.
type Turns struct{ *turns }

// NewTurns returns turns of n batches at a time.
func NewTurns(n int) Turns { return Turns{&turns{most: n}} }

// Queue adds a step that was scheduled at a time, and returns what waits until its turn has come.
func (t Turns) Queue(scheduled time.Time) (wait func(ctx context.Context) error) {
	queued := t.queue(scheduled)
	return func(ctx context.Context) error { return t.wait(ctx, queued, LongestTurn) }
}

// End ends a turn.
func (t Turns) End() { t.end() }

// TakeTurn takes a turn, or a place among the steps that wait, before any other step.
func TakeTurn(a *Activities) { a.turns.queue(time.Time{}) }
