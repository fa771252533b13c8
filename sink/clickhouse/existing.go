package clickhouse

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// existing is a table as the server describes it.
type existing struct {
	table
	engine       string
	arguments    []string // of the engine
	sortingKey   string
	partitionKey string
	query        string // the statement that creates it
	columns      []column
}

// fits returns a [chferry.CodeSchemaMismatch] for each reason why d, but for the columns that the
// table lacks, can't be kept in the table.
func (e *existing) fits(d sink.Destination, f *features) error {
	if err := e.hasEngine(d); err != nil {
		return err
	}
	lacked := e.lacks(d)
	d.Columns = slices.DeleteFunc(slices.Clone(d.Columns),
		func(c rowset.Column) bool { return slices.Contains(lacked, c) })
	_, err := columnsFor(e.table, e.columns, d, f)
	return errors.Join(err, e.hasNested(d), e.hasKeys(d))
}

// hasEngine checks that the table's engine is that of d, replicated or not.
func (e *existing) hasEngine(d sink.Destination) error {
	layout := d.Engine.Layout()
	if !slices.Contains([]string{layout.Family, "Replicated" + layout.Family, "Shared" + layout.Family}, e.engine) {
		return misfit(e.table, "its engine is %s: %s needs %s(%s), replicated or not",
			e.engine, d.Engine.Name(), layout.Family, strings.Join(layout.Arguments, ", "))
	}
	if problem := d.Engine.Misfit(columnArguments(e.arguments)); problem != "" {
		return misfit(e.table, "%s", problem)
	}
	return nil
}

// hasKeys checks that all versions of a row, and its tombstone, which knows nothing but the key, meet in one place.
func (e *existing) hasKeys(d sink.Destination) error {
	if !d.Engine.Layout().Replaces {
		return nil
	}
	var sorted []string
	for _, part := range keyColumns(e.sortingKey) {
		name, ok := identifier(part)
		if !ok || !slices.Contains(d.Key, name) {
			return misfit(e.table,
				"its ORDER BY holds %s, which is not a column of the key (%s): a deleted row would not be found",
				part, strings.Join(d.Key, ", "))
		}
		sorted = append(sorted, name)
	}
	for _, name := range d.Key {
		if !slices.Contains(sorted, name) {
			return misfit(e.table, "its ORDER BY lacks column %q of the key: different rows would replace each other",
				name)
		}
	}
	for _, name := range identifiersIn(e.partitionKey) {
		if !slices.Contains(d.Key, name) {
			return misfit(e.table,
				"its PARTITION BY uses column %q, which is not in the key (%s): versions of a row would be kept apart",
				name, strings.Join(d.Key, ", "))
		}
	}
	return nil
}

// lacks returns the columns of d that can be added to the table: not those of the key and the
// engine, which tell the rows apart that are there already.
func (e *existing) lacks(d sink.Destination) []rowset.Column {
	var lacked []rowset.Column
	for _, c := range d.Columns {
		if !d.Fixed(c.Destination) && !e.has(c.Destination) {
			lacked = append(lacked, c)
		}
	}
	return lacked
}

func (e *existing) has(name string) bool {
	return slices.ContainsFunc(e.columns, func(c column) bool { return c.name == name })
}

// Unfilled returns the columns that inserts leave at their defaults. See [sink.Sink].
func (c *Client) Unfilled(ctx context.Context, d sink.Destination) ([]string, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	existing, _, err := c.describe(ctx, t)
	if err != nil || existing == nil {
		return nil, err
	}
	var names []string
	for _, column := range existing.columns {
		filled := slices.ContainsFunc(d.Columns, func(w rowset.Column) bool { return w.Destination == column.name })
		if !filled && !column.computed() {
			names = append(names, column.name)
		}
	}
	return names, nil
}

// columnsFor returns the column of a table for each of d; the key's must hold their values one to
// one. The errors of all columns that do not fit are joined.
func columnsFor(t table, columns []column, d sink.Destination, f *features) ([]column, error) {
	out := make([]column, len(d.Columns))
	var problems []error
	for i, w := range d.Columns {
		found := slices.IndexFunc(columns, func(c column) bool { return c.name == w.Destination })
		if found < 0 {
			problems = append(problems, misfit(t, "column %q is missing: add it as %s", w.Destination, f.typeOf(w)))
			continue
		}
		out[i] = columns[found]
		problem, to := "", ""
		if key := slices.Contains(d.Key, w.Destination); w.Cast == "" || key && out[i].nullable {
			problem, to = out[i].misfit(w.Type, key, f)
		} else {
			problem, to = out[i].castMisfit(w)
		}
		if to != "" {
			problem += ": " + out[i].mend(t, d, to)
		}
		if problem != "" {
			problems = append(problems, out[i].withDimensions(w, misfit(t, "column %q %s", w.Destination, problem)))
		}
	}
	return out, errors.Join(problems...)
}

// withDimensions adds to the error for an array how many dimensions the column has, if they are not the array's.
func (c column) withDimensions(w rowset.Column, err error) error {
	if w.Type.Kind != rowset.Array || c.dimensions == 0 || c.dimensions == w.Type.Dimensions {
		return err
	}
	return chferry.WrapError(chferry.CodeOf(err),
		&sink.DimensionsError{Column: w.Destination, Dimensions: c.dimensions}, "%s", err)
}
