package transfer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// fullBlock is the size in bytes from which a block is inserted, though its chunk has more rows. It bounds what a batch of large rows
// takes in memory: each reader holds a block and a fetch, the insert a block and its encoding.
const fullBlock = 4 << 20

// block is rows of a chunk that are inserted together: all of them, unless they are large.
type block struct {
	rowset.Block
	database string
	table    rowset.Table
	token    string // the same whenever the rows of these keys are inserted, and no others'; empty: none
	fates    []fate // for each row: what it is
	ops      opList // for each row: an operation that asked for it
}

// fate is what an operation's row is.
type fate uint8

const (
	gone  fate = iota // the source does not have it: a delete
	found             // the source has it
	// The source has it under another text that is equal to the operation's, or to the text that ClickHouse shows it under, as in a type
	// that ignores case. ClickHouse tells texts apart, so this one is deleted there, beside the row that was found. It is not counted.
	renamed
	// The source does not have it, and ClickHouse shows it under a text that is equal to the operation's. It is deleted there, beside the
	// operation's own. It is not counted.
	goneToo
)

// part returns the rows from first up to last, not included. It has no token: a source gives rows in no particular order, so the
// next attempt may have others there, which a server that knows the token would drop.
func (b *block) part(first, last int) *block {
	return &block{Block: b.Slice(first, last), database: b.database, table: b.table, fates: b.fates[first:last], ops: b.ops.slice(first, last)}
}

// reader reads the rows of chunks and makes blocks of them. Several may read chunks of one batch at the same time.
type reader struct {
	sources map[string]source.Source
	plan    Plan
	version uint64
	pace    *pace
}

// read calls emit with each block of a chunk, and unfit with operations whose rows the source has and can't give.
func (r *reader) read(ctx context.Context, c *chunk, emit func(*block) error, unfit func([]chferry.FailedOperation) error) error {
	b, begun := c.block(), 0
	for first := 0; first < c.len(); {
		rows, last, err := r.fetch(ctx, c, first)
		if err != nil {
			return err
		}
		if err := unfit(b.append(r.plan, c, first, last, rows, r.version)); err != nil {
			return err
		}
		first = last
		if b.Rows() == 0 || b.Bytes() < fullBlock && last < c.len() {
			continue
		}
		b.token = c.tokenOf(begun, last)
		if err := emit(b); err != nil {
			return err
		}
		b, begun = c.block(), last
	}
	return nil
}

// block returns a block without rows, for rows of the chunk.
func (c *chunk) block() *block { return &block{database: c.database, table: c.table} }

// fetch reads the rows of a chunk's keys from first on, as many as fit, and returns where it stopped. If the source can't give some
// row, fetch asks for half of the keys, and for half of those, until the row stands alone: that one is unfit.
func (r *reader) fetch(ctx context.Context, c *chunk, first int) (rows rowset.Rows, last int, err error) {
	for most := c.len() - first; ; {
		asked, began := r.pace.next(most), time.Now()
		rows, err := r.sources[c.database].Fetch(ctx, c.table, c.slice(first, first+asked))
		var tooMuch *source.TooMuchError
		switch {
		case err == nil:
			r.pace.fitted(asked, rows.Bytes())
			r.pace.took(asked, time.Since(began))
		case asked > 1 && errors.As(err, &tooMuch):
			if tooMuch.Slow {
				r.pace.tooSlow(time.Since(began))
			}
			most = r.pace.tooMuch(asked, tooMuch.Rows)
			continue
		case asked > 1 && chferry.CodeOf(err) == chferry.CodeUnreadable:
			most = asked / 2
			continue
		case chferry.CodeOf(err) == chferry.CodeUnreadable:
			rows, err = unreadable(c.table, err), nil
		}
		return rows, first + asked, err
	}
}

// unreadable is what is read of one key whose row the source can't give.
func unreadable(table rowset.Table, err error) rowset.Rows {
	_, reason := chferry.Safe(err)
	return rowset.Rows{Block: rowset.NewBlock(table.Columns), Unfit: []rowset.Unfit{{Key: 0, Reason: reason}}}
}

// append appends the rows of a chunk's operations from first up to last, and deletes for those of them that have no row. A row
// that the source has and can't give is neither: its operation is returned.
func (b *block) append(plan Plan, c *chunk, first, last int, rows rowset.Rows, version uint64) (unfit []chferry.FailedOperation) {
	n, start := last-first, c.first+first
	b.fates = slices.Grow(b.fates, n)
	b.ops.grow(n)
	has := make([]bool, n)
	for _, key := range rows.Key {
		has[key] = true
		b.fates = append(b.fates, found)
		b.ops.appendFrom(&c.ops, start+key)
	}
	for _, u := range rows.Unfit {
		has[u.Key] = true
		unfit = append(unfit, chferry.FailedOperation{Operation: c.ops.at(start + u.Key), Reason: u.Reason})
	}
	missing := newKeyList(c.table.KeyTypes())
	add := func(key int, as fate) {
		missing.appendFrom(c.keys, start+key)
		b.fates = append(b.fates, as)
		b.ops.appendFrom(&c.ops, start+key)
	}
	for key, ok := range has {
		if !ok {
			add(key, gone)
		}
	}
	for _, key := range c.otherTexts(start, rows) {
		add(key, renamed)
	}
	made := plan.block(c.table, rows, missing, version)
	if plan.Import.DatabaseColumn != "" {
		addConstant(&made, plan.databaseColumn(), c.database)
	}
	if b.Columns == nil {
		b.Block = made
	} else {
		b.Append(&made)
	}
	return unfit
}

// otherTexts returns the keys that found a row with another text of the same key, counted from start.
func (g *group) otherTexts(start int, rows rowset.Rows) []int {
	var other []int
	seen := map[int]bool{}
	for i, c := range g.table.PrimaryKey {
		column := g.table.Columns[c]
		// A cast to a number may make one value of the two texts.
		if !column.ReadBySource || column.Cast != "" && !strings.Contains(column.Cast, "String") {
			continue
		}
		for row, key := range rows.Key {
			if rows.Vectors[c].Compare(row, &g.keys[i], start+key) != 0 && !seen[key] {
				seen[key] = true
				other = append(other, key)
			}
		}
	}
	return other
}

func addConstant(b *rowset.Block, column rowset.Column, value string) {
	v := rowset.Vector{Type: column.Type}
	for range b.Rows() {
		v.AppendData([]byte(value))
	}
	b.Columns = append(slices.Clone(b.Columns), column)
	b.Vectors = append(b.Vectors, v)
}

// pace is how many rows the readers of a batch ask for at once: all of a chunk until rows turn out to be large.
type pace struct {
	mu    sync.Mutex
	rows  int           // 0: any number
	limit time.Duration // after which a fetch was ended by the database; 0: none was
}

// newPace begins with fewer rows than a chunk where there are so many columns that even rows of nulls would not fit.
func newPace(columns []rowset.Column) *pace {
	row := rowset.NewBlock(columns)
	for i := range row.Vectors {
		row.Vectors[i].AppendDefault()
	}
	if MaxChunk*row.Bytes() <= source.DefaultFetchBytes {
		return &pace{}
	}
	return &pace{rows: fullBlock / row.Bytes()}
}

// next returns how many of the rows that are left to ask for.
func (p *pace) next(left int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == 0 {
		return left
	}
	return min(left, p.rows)
}

// tooMuch notes that of so many rows a few filled the memory that a fetch may take, and returns how many may fit.
func (p *pace) tooMuch(asked, fitted int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = max(1, min(fitted, asked/2))
	return p.rows
}

// fitted notes the size of rows that were read, so that the next ones fill a block. It speeds up by steps: rows that
// follow large ones may be large again. Fewer rows than the pace, such as a chunk's last ones, do not slow it down.
func (p *pace) fitted(asked, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == 0 {
		return
	}
	const fastest = 4
	p.rows = max(1, min(asked*fullBlock/max(1, bytes), max(p.rows, fastest*asked)))
}

// tooSlow notes after what time the database ended a fetch.
func (p *pace) tooSlow(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = after
}

// took notes how long rows took, where others took too long: the next ones are to take half of what is too long.
func (p *pace) took(asked int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit > 0 && p.rows > 0 {
		p.rows = max(1, min(p.rows, int(float64(asked)*float64(p.limit/2)/float64(max(1, d)))))
	}
}
