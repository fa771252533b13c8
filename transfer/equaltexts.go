package transfer

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// A type such as citext holds different texts equal, and a row arrives under the one that is
// stored. ClickHouse tells texts apart. When Ann is deleted, or becomes ANN, an operation may name
// the row by any text of the key, and the source no longer knows which one it had: ClickHouse does.

// equalTexts looks for rows that the sink shows under other texts of the keys of one block.
type equalTexts struct {
	*Transfer
	block *block
	keys  []rowset.Column // of the destination's sorting key, as the block's table has them
	fold  []int           // those of keys that fold
}

// replaceEqual adds tombstones to a block for rows that the sink shows under texts which are equal
// to a key of the block and are not in it. They have the block's version. So has a row that another
// block of the batch brings meanwhile: it is left alone, for if the source has changed its text
// since, an operation of a later batch says so.
func (t *Transfer) replaceEqual(ctx context.Context, b *block) error {
	e := &equalTexts{Transfer: t, block: b}
	for _, name := range t.plan.Destination.OrderBy {
		c := e.column(name)
		if folds(c) {
			e.fold = append(e.fold, len(e.keys))
		}
		e.keys = append(e.keys, c)
	}
	if len(e.fold) == 0 || b.Rows() == 0 {
		return nil
	}
	finder, canFind := t.Sink.(sink.Finder)
	folder, canFold := t.sources[b.database].(source.Folder)
	if !canFind || !canFold {
		return chferry.Errorf(chferry.CodeConfiguration,
			"table %s: the primary key has texts that differ and are equal, and neither "+
				"its source nor its destination can tell", b.table.Name)
	}
	written := e.written()
	found, err := t.current(ctx, finder, written)
	if err != nil {
		return fmt.Errorf("look for other texts of keys: %w", err)
	}
	if found = e.others(written, found); found.Rows() == 0 {
		return nil
	}
	return e.add(ctx, folder, written, found)
}

// current finds the rows that the destination shows, and those that the table beside it will show.
func (t *Transfer) current(ctx context.Context, finder sink.Finder, written rowset.Block) (rowset.Block, error) {
	found, err := finder.Current(ctx, t.plan.Destination, written, t.batch.Version)
	if t.plan.beside == nil {
		return found, err
	}
	if err != nil {
		return found, t.passing(err)
	}
	more, err := finder.Current(ctx, *t.plan.beside, written, t.batch.Version)
	if err == nil && found.Rows() > 0 && more.Rows() > 0 {
		found.Append(&more)
		return found, nil
	}
	if found.Rows() == 0 {
		found = more
	}
	return found, t.passing(err)
}

// folds reports whether texts of a column fold where they arrive: a number that they are cast to has one form.
func folds(c rowset.Column) bool {
	return c.Folds && (c.Cast == "" || strings.Contains(c.Cast, "String"))
}

// column returns a column of the destination's sorting key: the table's own, because it may fold in
// one database and not in another.
func (e *equalTexts) column(destination string) rowset.Column {
	has := func(c rowset.Column) bool { return c.Destination == destination }
	if i := slices.IndexFunc(e.block.table.Columns, has); i >= 0 {
		return e.block.table.Columns[i]
	}
	return e.plan.databaseColumn() // the only one that no table has
}

// written returns the sorting key of the block's rows.
func (e *equalTexts) written() rowset.Block {
	out := rowset.Block{Columns: e.keys}
	for _, k := range e.keys {
		i := slices.IndexFunc(e.block.Columns, func(c rowset.Column) bool { return c.Destination == k.Destination })
		out.Vectors = append(out.Vectors, e.block.Vectors[i])
	}
	return out
}

// others returns the rows of found that are not written.
func (e *equalTexts) others(written, found rowset.Block) rowset.Block {
	has := make(map[string]bool, written.Rows())
	for row := range written.Rows() {
		has[keyText(written, row, nil)] = true
	}
	var known []int
	for row := range found.Rows() {
		if has[keyText(found, row, nil)] {
			known = append(known, row)
		}
	}
	return found.Without(known)
}

// add adds tombstones for the rows of others that the source holds equal to written ones.
func (e *equalTexts) add(ctx context.Context, folder source.Folder, written, others rowset.Block) error {
	folded := make([]map[string]string, len(e.keys))
	for _, c := range e.fold {
		var err error
		if folded[c], err = fold(ctx, folder, e.keys[c], &written.Vectors[c], &others.Vectors[c]); err != nil {
			return err
		}
	}
	rows := make(map[string]int, written.Rows())
	for row := range written.Rows() {
		rows[keyText(written, row, folded)] = row
	}
	missing := newKeyList(e.block.table.KeyTypes())
	var of []int // the block's row that each missing one is equal to
	for other := range others.Rows() {
		row, equal := rows[keyText(others, other, folded)]
		if !equal {
			continue
		}
		of = append(of, row)
		for i, name := range e.block.table.KeyDestinations() {
			c := slices.IndexFunc(e.keys, func(k rowset.Column) bool { return k.Destination == name })
			missing[i].AppendFrom(&others.Vectors[c], other)
		}
	}
	if len(of) > 0 {
		e.block.addTombstones(e.plan, missing, of, e.batch.Version)
	}
	return nil
}

// fold returns for each text of the vectors one that is the same for all that are equal.
func fold(ctx context.Context, folder source.Folder, c rowset.Column,
	vectors ...*rowset.Vector,
) (map[string]string, error) {
	folded := map[string]string{}
	var texts []string
	for _, v := range vectors {
		for row := range v.Len() {
			text := string(v.At(row))
			if _, known := folded[text]; !known {
				folded[text] = ""
				texts = append(texts, text)
			}
		}
	}
	as, err := folder.Fold(ctx, c, texts)
	if err != nil {
		return nil, err
	}
	for i, text := range texts {
		folded[text] = as[i]
	}
	return folded, nil
}

// keyText is a text of a row's columns that is different for different rows. Those of a column that
// has folded texts are taken from these.
func keyText(b rowset.Block, row int, folded []map[string]string) string {
	var text []byte
	for c := range b.Vectors {
		switch v := &b.Vectors[c]; {
		case folded != nil && folded[c] != nil:
			text = appendText(text, folded[c][string(v.At(row))])
		case v.Ends != nil:
			text = appendText(text, string(v.At(row)))
		default:
			text = binary.AppendVarint(text, v.Ints[row])
		}
	}
	return string(text)
}

// addTombstones appends a tombstone for each of keys, which are equal to the keys of rows of the block.
func (b *block) addTombstones(plan Plan, keys keyList, rows []int, version uint64) {
	made := plan.block(b.database, rowset.Rows{Block: rowset.NewBlock(b.table.Columns)}, keys, version)
	b.Append(&made)
	for _, row := range rows {
		as := renamed
		if b.fates[row] == gone || b.fates[row] == goneToo {
			as = goneToo
		}
		b.fates = append(b.fates, as)
		b.ops.appendFrom(&b.ops, row)
	}
}
