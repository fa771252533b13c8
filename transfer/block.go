package transfer

import (
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// fullBlock is the size in bytes from which a block is inserted, though its chunk has more rows. It
// bounds what a batch of large rows takes in memory: each reader holds a block and a fetch, the
// insert a block and its encoding.
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
	// The source has it under another text that is equal to the operation's, or to the text that
	// ClickHouse shows it under, as in a type that ignores case. ClickHouse tells texts apart, so
	// this one is deleted there, beside the row that was found. It is not counted.
	renamed
	// The source does not have it, and ClickHouse shows it under a text that is equal to the
	// operation's. It is deleted there, beside the operation's own. It is not counted.
	goneToo
)

// part returns the rows from first up to last, not included. It has no token: a source gives rows
// in no particular order, so the next attempt may have others there, which a server that knows the
// token would drop.
func (b *block) part(first, last int) *block {
	return &block{
		Block: b.Slice(first, last), database: b.database, table: b.table, fates: b.fates[first:last],
		ops: b.ops.slice(first, last),
	}
}

// split returns the rows that operations asked for and, without a token, the tombstones for other
// texts of their keys; nil if there are none.
func (b *block) split() (own, others *block) {
	isOther := func(f fate) bool { return f == renamed || f == goneToo }
	if !slices.ContainsFunc(b.fates, isOther) {
		return b, nil
	}
	var ownRows, otherRows []int
	for row, f := range b.fates {
		if isOther(f) {
			otherRows = append(otherRows, row)
		} else {
			ownRows = append(ownRows, row)
		}
	}
	own, others = b.pick(ownRows, otherRows), b.pick(otherRows, ownRows)
	own.token = b.token
	return own, others
}

// pick returns the rows of one list, where the other one has all others. Both are in ascending order.
func (b *block) pick(rows, others []int) *block {
	out := &block{Block: b.Block.Without(others), database: b.database, table: b.table, ops: newOpList(len(rows))}
	for _, row := range rows {
		out.fates = append(out.fates, b.fates[row])
		out.ops.appendFrom(&b.ops, row)
	}
	return out
}

// without leaves out the rows of operations that failed.
func (b *block) without(failed []chferry.FailedOperation) *block {
	if len(failed) == 0 {
		return b
	}
	var ops opList
	out := map[string]bool{}
	for i, f := range failed {
		ops.append(f.Operation)
		out[string(ops.bytes(i))] = true
	}
	var kept, dropped []int
	for row := range b.fates {
		if out[string(b.ops.bytes(row))] {
			dropped = append(dropped, row)
		} else {
			kept = append(kept, row)
		}
	}
	return b.pick(kept, dropped)
}

// append appends the rows of a chunk's operations from first up to last, and deletes for those of
// them that have no row. A row that the source has and can't give is neither: its operation is
// returned.
func (b *block) append(plan Plan, c *chunk, first, last int, rows rowset.Rows,
	version uint64,
) (unfit []chferry.FailedOperation) {
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
	made := plan.block(c.database, rows, missing, version)
	if b.Columns == nil {
		b.Block = made
	} else {
		b.Append(&made)
	}
	return unfit
}

// otherTexts returns the keys that found a row with another text of the same key, counted from start.
func (s *share) otherTexts(start int, rows rowset.Rows) []int {
	var other []int
	seen := map[int]bool{}
	for i, c := range s.table.PrimaryKey {
		column := s.table.Columns[c]
		// A cast to a number may make one value of the two texts.
		if !column.ReadBySource || column.Cast != "" && !strings.Contains(column.Cast, "String") {
			continue
		}
		for row, key := range rows.Key {
			if rows.Vectors[c].Compare(row, &s.keys[i], start+key) != 0 && !seen[key] {
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
