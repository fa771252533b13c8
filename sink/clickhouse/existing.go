package clickhouse

import (
	"context"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// existing is a table as the server describes it.
type existing struct {
	table
	engine       string
	arguments    []string // of the engine
	sortingKey   string
	partitionKey string
	columns      []column
}

// fits returns a [chferry.CodeSchemaMismatch] unless d, but for the columns that the table lacks, can be kept in the table.
func (e *existing) fits(d chferry.Destination, f *features) error {
	if err := e.hasEngine(); err != nil {
		return err
	}
	lacked := e.lacks(d)
	present := slices.DeleteFunc(slices.Clone(d.Columns), func(c chferry.Column) bool { return slices.Contains(lacked, c) })
	if _, err := columnsFor(e.table, e.columns, present, d.Key, f); err != nil {
		return err
	}
	return e.hasKeys(d)
}

// hasEngine checks that rows of one key replace each other by version, deleted ones included.
func (e *existing) hasEngine() error {
	if !slices.Contains([]string{"ReplacingMergeTree", "ReplicatedReplacingMergeTree", "SharedReplacingMergeTree"}, e.engine) {
		return misfit(e.table, "its engine is %s: replacing_merge_tree needs ReplacingMergeTree(%s, %s), replicated or not",
			e.engine, versionColumn, isDeletedColumn)
	}
	named := columnArguments(e.arguments)
	switch {
	case len(named) == 0 || named[0] != versionColumn:
		return misfit(e.table, "its engine does not keep the row with the greatest %s: it must be ReplacingMergeTree(%[1]s, %[2]s)",
			versionColumn, isDeletedColumn)
	case len(named) > 1 && named[1] != isDeletedColumn:
		return misfit(e.table, "its engine takes %q for deleted rows: it must be ReplacingMergeTree(%s, %s)",
			named[1], versionColumn, isDeletedColumn)
	default:
		return nil
	}
}

// hasKeys checks that all versions of a row, and its tombstone, which knows nothing but the key, meet in one place.
func (e *existing) hasKeys(d chferry.Destination) error {
	var sorted []string
	for _, part := range keyColumns(e.sortingKey) {
		name, ok := identifier(part)
		if !ok || !slices.Contains(d.Key, name) {
			return misfit(e.table, "its ORDER BY holds %s, which is not a column of the key (%s): a deleted row would not be found",
				part, strings.Join(d.Key, ", "))
		}
		sorted = append(sorted, name)
	}
	for _, name := range d.Key {
		if !slices.Contains(sorted, name) {
			return misfit(e.table, "its ORDER BY lacks column %q of the key: different rows would replace each other", name)
		}
	}
	for _, name := range identifiersIn(e.partitionKey) {
		if !slices.Contains(d.Key, name) {
			return misfit(e.table, "its PARTITION BY uses column %q, which is not in the key (%s): versions of a row would be kept apart",
				name, strings.Join(d.Key, ", "))
		}
	}
	return nil
}

// lacks returns the columns of d that can be added to the table: not those of the key and the engine, which tell the rows
// apart that are there already.
func (e *existing) lacks(d chferry.Destination) []chferry.Column {
	var lacked []chferry.Column
	for _, c := range d.Columns {
		fixed := slices.Contains(d.Key, c.Destination) || c.Destination == versionColumn || c.Destination == isDeletedColumn
		if !fixed && !e.has(c.Destination) {
			lacked = append(lacked, c)
		}
	}
	return lacked
}

func (e *existing) has(name string) bool {
	return slices.ContainsFunc(e.columns, func(c column) bool { return c.name == name })
}

// viewColumns returns the columns that the view of the table is to have: those that it has and those of d. added tells
// whether it lacks some, ours whether it has no others than the table will have. Without a table there is nothing to tell.
func (e *existing) viewColumns(d chferry.Destination, view *existing) (names []string, added, ours bool) {
	wanted := sourceColumns(d)
	ours = true
	for _, c := range view.columns {
		names = append(names, c.name)
		ours = ours && e != nil && (e.has(c.name) || slices.Contains(wanted, c.name))
	}
	for _, name := range wanted {
		if !view.has(name) {
			names, added = append(names, name), true
		}
	}
	return names, added, ours
}

// Unfilled returns the columns that inserts leave at their defaults. See [sink.Sink].
func (c *Client) Unfilled(ctx context.Context, d chferry.Destination) ([]string, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	columns, _, err := c.describeColumns(ctx, t)
	var names []string
	for _, column := range columns {
		filled := slices.ContainsFunc(d.Columns, func(w chferry.Column) bool { return w.Destination == column.name })
		if !filled && !column.computed() {
			names = append(names, column.name)
		}
	}
	return names, err
}

// columnsFor returns the column of a table for each of wanted; the key's must hold their values one to one.
func columnsFor(t table, columns []column, wanted []chferry.Column, key []string, f *features) ([]column, error) {
	out := make([]column, len(wanted))
	for i, w := range wanted {
		found := slices.IndexFunc(columns, func(c column) bool { return c.name == w.Destination })
		if found < 0 {
			return nil, misfit(t, "column %q is missing: add it as %s", w.Destination, f.typeOf(w))
		}
		out[i] = columns[found]
		problem := ""
		if key := slices.Contains(key, w.Destination); w.Cast == "" || key && out[i].nullable {
			problem = out[i].misfit(w.Type, key, f)
		} else {
			problem = out[i].castMisfit(w)
		}
		if problem != "" {
			return nil, out[i].withDimensions(w, misfit(t, "column %q %s", w.Destination, problem))
		}
	}
	return out, nil
}

// withDimensions adds to the error for an array how many dimensions the column has, if they are not the array's.
func (c column) withDimensions(w chferry.Column, err error) error {
	if w.Type.Kind != chferry.Array || c.dimensions == 0 || c.dimensions == w.Type.Dimensions {
		return err
	}
	return chferry.WrapError(chferry.CodeOf(err), &sink.DimensionsError{Column: w.Destination, Dimensions: c.dimensions}, "%s", err)
}
