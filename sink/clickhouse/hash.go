package clickhouse

import (
	"context"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Hash hashes rows as the table would hold them. See [sink.Reader].
func (c *Client) Hash(ctx context.Context, s sink.Selection, block rowset.Block) (sink.Expected, error) {
	if err := ctx.Err(); err != nil {
		return sink.Expected{}, c.failure(ctx, "hash rows of the source", err)
	}
	r, err := c.startReadingOf(ctx, s, c.describeLately)
	if err != nil {
		return sink.Expected{}, err
	}
	return r.hash(block)
}

func (r *reading) hash(block rowset.Block) (sink.Expected, error) {
	d := r.Destination
	deleted := d.Engine.Layout().Deleted
	part, err := r.part(block, slices.Concat(r.Key, r.Hashed), deleted)
	if err != nil {
		return sink.Expected{}, err
	}
	d.Columns = part.Columns
	columns, err := columnsFor(r.table, r.existing.columns, d, r.features)
	if err != nil {
		return sink.Expected{}, err
	}
	held := canonicalOf(r.table, d, part, columns, r.features)
	held.Block = held.Without(tombstones(held.Block, deleted))
	out := sink.Expected{Changed: held.changed, Rejected: held.rejected}
	if out.Keys, err = held.keys(part.Columns[:len(r.Key)], columns); err != nil {
		return sink.Expected{}, err
	}
	if len(r.Hashed) > 0 {
		out.Hashes = held.hashes(r.Hashed)
	}
	return out, nil
}

// part returns the named columns of a block, each once, and the optional one if the block has it.
func (r *reading) part(block rowset.Block, names []string, optional string) (rowset.Block, error) {
	var out rowset.Block
	for i, name := range append(names, optional) {
		if slices.Contains(names[:min(i, len(names))], name) {
			continue
		}
		at := slices.IndexFunc(block.Columns, func(c rowset.Column) bool { return c.Destination == name })
		switch {
		case at >= 0:
			out.Columns, out.Vectors = append(out.Columns, block.Columns[at]), append(out.Vectors, block.Vectors[at])
		case i < len(names):
			return out, misfit(r.table, "column %q is not among those of the rows", name)
		}
	}
	return out, nil
}

// tombstones returns the rows of a block that are none.
func tombstones(block rowset.Block, deleted string) (rows []int) {
	at := slices.IndexFunc(block.Columns, func(c rowset.Column) bool { return c.Destination == deleted })
	if at < 0 {
		return nil
	}
	for row, n := range block.Vectors[at].Ints {
		if n != 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

// keys returns the first columns of the block as the source has them, and as they are read back.
func (b *canonicalBlock) keys(wanted []rowset.Column, columns []column) (rowset.Block, error) {
	out := rowset.NewBlock(wanted)
	var wire []byte
	for i, w := range wanted {
		if columns[i].keepsKey(w.Type.Kind) {
			out.Vectors[i] = b.Vectors[i]
			out.Vectors[i].Type = w.Type
			continue
		}
		for row := range b.Rows() {
			wire = b.forms[i].append(wire[:0], &b.Vectors[i], row)
			if err := appendRowBinaryKey(out.Vectors[i:i+1], columns[i:i+1], wire); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// hashes returns a hash of each row's values in the named columns.
func (b *canonicalBlock) hashes(names []string) []uint64 {
	hashed := canonicalBlock{forms: make([]rowBinary, len(names))}
	hashed.Vectors = make([]rowset.Vector, len(names))
	for i, name := range names {
		at := slices.IndexFunc(b.Columns, func(c rowset.Column) bool { return c.Destination == name })
		hashed.Vectors[i], hashed.forms[i] = b.Vectors[at], b.forms[at]
	}
	hashes := make([]uint64, b.Rows())
	var wire []byte
	for row := range hashes {
		wire = hashed.appendRow(wire[:0], row)
		hashes[row] = xxhash.Sum64(wire)
	}
	return hashes
}
