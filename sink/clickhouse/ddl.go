package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// Missing compares the destination with the server and returns the statements that create what is not there. See
// [sink.Sink].
func (c *Client) Missing(ctx context.Context, d chferry.Destination) ([]sink.Statement, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	if err := validate(t, d); err != nil {
		return nil, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.checkCasts(t, d); err != nil {
		return nil, err
	}
	existing, view, err := c.describeBoth(ctx, t)
	if err != nil {
		return nil, err
	}
	missing, err := missingTable(t, d, f, existing)
	if err != nil {
		return nil, err
	}
	missingView, err := missingView(t, d, f, existing, view)
	return append(missing, missingView...), err
}

// missingTable creates the table, or adds the columns that it lacks.
func missingTable(t table, d chferry.Destination, f *features, existing *existing) ([]sink.Statement, error) {
	if existing == nil {
		err := f.checkOptions(t, d)
		return []sink.Statement{{Creates: "table " + t.String(), SQL: f.createTable(t, d)}}, err
	}
	if err := existing.fits(d, f); err != nil {
		return nil, err
	}
	var statements []sink.Statement
	for _, c := range existing.lacks(d) {
		statements = append(statements, sink.Statement{
			Creates: "column " + t.String() + "." + c.Destination, Column: c.Destination,
			SQL: "ALTER TABLE " + t.sql() + onCluster(d) + " ADD COLUMN " + f.columnDefinition(c, d.Options),
		})
	}
	return statements, nil
}

// missingView creates the view, or makes it anew if it lacks a column. A view that has a column of its own is not ours to
// change; columns that the source lost stay in it, as they do in the table.
func missingView(t table, d chferry.Destination, f *features, existing, view *existing) ([]sink.Statement, error) {
	name := t.current()
	if view == nil {
		return []sink.Statement{{Creates: "view " + name.String(), SQL: "CREATE VIEW IF NOT EXISTS " + viewOf(t, d, sourceColumns(d))}}, nil
	}
	if view.engine != "View" {
		return nil, misfit(name, "it is no view but %s: the view of the current rows of %s needs the name", view.engine, t)
	}
	names, added, ours := existing.viewColumns(d, view)
	switch {
	case existing == nil || !added || !ours:
		return nil, nil
	case f.hasReplaceView():
		return []sink.Statement{{Creates: "view " + name.String() + " anew, with all columns", SQL: "CREATE OR REPLACE VIEW " + viewOf(t, d, names)}}, nil
	default:
		return []sink.Statement{
			{Creates: "view " + name.String() + " anew, with all columns: the old one is dropped", SQL: "DROP TABLE " + name.sql() + onCluster(d)},
			{Creates: "view " + name.String(), SQL: "CREATE VIEW IF NOT EXISTS " + viewOf(t, d, names)},
		}, nil
	}
}

// Create runs statements that Missing returned. See [sink.Sink].
func (c *Client) Create(ctx context.Context, statements []sink.Statement) error {
	for _, s := range statements {
		err := c.exec(ctx, "create "+s.Creates, s.SQL)
		if isThere := s.Column != "" && isDuplicate(err); err != nil && !isThere {
			return err
		}
	}
	return nil
}

// validate checks what no server need be asked for.
func validate(t table, d chferry.Destination) error {
	if d.Engine != "" && d.Engine != "replacing_merge_tree" {
		return chferry.Errorf(chferry.CodeConfiguration, "table %s: ClickHouse tables of engine %q are not supported: use replacing_merge_tree", t, d.Engine)
	}
	names := make([]string, 0, len(d.Columns))
	for _, column := range d.Columns {
		name := column.Destination
		if name == "" || slices.Contains(names, name) {
			return misfit(t, "two columns would be named %q, or one would have no name: mend columns.rename", name)
		}
		if slices.Contains(d.Key, name) && column.Type.Nullable {
			return misfit(t, "column %q of the key may be NULL in the source: choose another primary_key", name)
		}
		names = append(names, name)
	}
	for _, name := range append([]string{versionColumn, isDeletedColumn}, d.Key...) {
		if !slices.Contains(names, name) {
			return misfit(t, "column %q of the key or the engine is not among those to insert", name)
		}
	}
	return validateOrder(t, d)
}

// validateOrder holds the sorting key, the partition key and what rows are deleted by to the columns that a deleted row is
// known by.
func validateOrder(t table, d chferry.Destination) error {
	for _, name := range identifiersIn(d.Options.PartitionBy) {
		if !slices.Contains(d.Key, name) {
			return misfit(t, "partition_by uses %q, which is not in the key (%s): versions of a row would be kept apart", name, strings.Join(d.Key, ", "))
		}
	}
	if problem := ttlProblem(d); problem != "" {
		return misfit(t, "ttl %s", problem)
	}
	if len(d.Key) == 0 {
		return misfit(t, "it has no key: name a primary_key")
	}
	for i, name := range d.OrderBy {
		if !slices.Contains(d.Key, name) {
			return misfit(t, "order_by names column %q, which is not in the key (%s): a deleted row would not be found",
				name, strings.Join(d.Key, ", "))
		}
		if slices.Contains(d.OrderBy[:i], name) {
			return misfit(t, "order_by names column %q twice", name)
		}
	}
	if len(d.OrderBy) > 0 && len(d.OrderBy) < len(d.Key) {
		return misfit(t, "order_by must name every column of the key (%s), in any order", strings.Join(d.Key, ", "))
	}
	return nil
}

func (f *features) createTable(t table, d chferry.Destination) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s%s\n(\n", t.sql(), onCluster(d))
	for i, c := range d.Columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("    " + f.columnDefinition(c, d.Options))
	}
	fmt.Fprintf(&b, "\n)\nENGINE = %s", f.engine(d))
	if d.Options.PartitionBy != "" {
		b.WriteString("\nPARTITION BY " + d.Options.PartitionBy)
	}
	order := d.OrderBy
	if len(order) == 0 {
		order = d.Key
	}
	fmt.Fprintf(&b, "\nORDER BY (%s)", quoteAll(order))
	if d.Options.TTL != "" {
		b.WriteString("\nTTL " + d.Options.TTL)
	}
	b.WriteString(settingsClause(d.Options.Settings))
	return b.String()
}

// sourceColumns are the columns of d that the engine did not add.
func sourceColumns(d chferry.Destination) []string {
	var names []string
	for _, c := range d.Columns {
		if c.Destination != versionColumn && c.Destination != isDeletedColumn {
			names = append(names, c.Destination)
		}
	}
	return names
}

// viewOf is the view of t with these columns. Rows are compared before deleted ones are left out: FINAL comes before WHERE.
func viewOf(t table, d chferry.Destination, columns []string) string {
	return fmt.Sprintf("%s%s AS\nSELECT %s\nFROM %s FINAL\nWHERE %s = 0", t.current().sql(), onCluster(d), quoteAll(columns), t.sql(), quote(isDeletedColumn))
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}
