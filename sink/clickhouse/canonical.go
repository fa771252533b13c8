package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// canonicalBlock holds the canonical values of a block: the rows as their table would hold them.
type canonicalBlock struct {
	rowset.Block                 // without the rejected rows; the columns have the types of their canonical values
	forms        []rowBinary     // of the columns
	changed      int             // how many values of these rows were clamped or cut
	rejected     []sink.Rejected // by the row of the block that was converted
}

// canonical returns what the table of d would hold if the block was inserted. Nothing is written.
func (c *Client) canonical(ctx context.Context, d sink.Destination, block rowset.Block) (canonicalBlock, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return canonicalBlock{}, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return canonicalBlock{}, err
	}
	d.Columns = block.Columns
	columns, err := c.wantedColumns(ctx, t, d, f)
	if err != nil {
		return canonicalBlock{}, err
	}
	return canonicalOf(t, d, block, columns, f), nil
}

// canonicalOf converts a block for the columns of its table.
func canonicalOf(t table, d sink.Destination, block rowset.Block, columns []column, f *features) canonicalBlock {
	out := convert(t, d, block, columns, f)
	if rejected := out.rejected; len(rejected) > 0 {
		out = convert(t, d, block.Without(rejectedRows(rejected)), columns, f)
		out.rejected = rejected
	}
	return out
}

// convert converts the block column by column, and lists the rows that have a value that can't be
// held. What a tombstone has beside its key are no values, and nobody sees them.
func convert(t table, d sink.Destination, block rowset.Block, columns []column, f *features) canonicalBlock {
	out := canonicalBlock{Block: rowset.NewBlock(slices.Clone(block.Columns)), forms: make([]rowBinary, len(columns))}
	tombstone := func(int) bool { return false }
	deleted := func(c column) bool { return c.name == d.Engine.Layout().Deleted }
	if i := slices.IndexFunc(columns, deleted); i >= 0 {
		tombstone = func(row int) bool { return block.Vectors[i].Ints[row] != 0 }
	}
	for i, c := range columns {
		isKey := slices.Contains(d.Key, c.name)
		converted := c.canonical(&block.Vectors[i], isKey, f)
		out.forms[i] = newRowBinary(c)
		out.Columns[i].Type, out.Vectors[i] = converted.values.Type, converted.values
		out.changed += converted.changed
		for _, u := range converted.unfit {
			if !isKey && tombstone(u.row) {
				continue
			}
			reason := fmt.Sprintf("table %s: column %q (%s) can't hold %s", t, c.name, c.text, u.what)
			if isKey {
				reason += ", and nothing is clamped in a key"
			}
			reason += fmt.Sprintf(": a table that is made anew with columns.cast: {%s: %s} holds it",
				block.Columns[i].Name, c.holdingAll())
			out.rejected = append(out.rejected, sink.Rejected{Row: u.row, Reason: reason})
		}
	}
	sort.SliceStable(out.rejected, func(i, j int) bool { return out.rejected[i].Row < out.rejected[j].Row })
	out.rejected = slices.CompactFunc(out.rejected, func(a, b sink.Rejected) bool { return a.Row == b.Row })
	return out
}

func rejectedRows(rejected []sink.Rejected) []int {
	rows := make([]int, len(rejected))
	for i, r := range rejected {
		rows[i] = r.Row
	}
	return rows
}
