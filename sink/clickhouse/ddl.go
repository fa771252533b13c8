package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry/sink"
)

// Missing compares the destination with the server and returns the statements that create what is not there. See
// [sink.Sink].
func (c *Client) Missing(ctx context.Context, d sink.Destination) ([]sink.Statement, error) {
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
	if err := c.checkCluster(ctx, t, d); err != nil {
		return nil, err
	}
	existing, view, err := c.describe(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := c.checkHosts(ctx, t, d, existing); err != nil {
		return nil, err
	}
	if existing == nil {
		if err := c.checkSettings(ctx, t, d); err != nil {
			return nil, err
		}
	}
	missing, misfits := missingTable(t, d, f, existing)
	missingView, refused := missingView(t, d, f, existing, view)
	if err := errors.Join(misfits, refused); err != nil {
		return nil, err
	}
	return append(missing, missingView...), nil
}

// missingTable creates the table, or adds the columns that it lacks.
func missingTable(t table, d sink.Destination, f *features, existing *existing) ([]sink.Statement, error) {
	if existing == nil {
		err := f.checkOptions(t, d)
		create := f.createTable(t, d, f.engine(d))
		return []sink.Statement{{
			Kind: sink.Table, Creates: "table " + t.String(), SQL: create, Configured: configured(d),
		}}, err
	}
	if err := existing.fits(d, f); err != nil {
		return nil, err
	}
	var statements []sink.Statement
	for _, c := range existing.lacks(d) {
		statements = append(statements, sink.Statement{
			Kind: sink.Column, Creates: "column " + t.String() + "." + c.Destination, Column: c.Destination,
			Configured: sink.Configured{Codec: d.Options.Codecs[c.Destination]},
			SQL:        "ALTER TABLE " + t.sql() + onCluster(d) + " ADD COLUMN " + f.columnDefinition(c, d.Options),
		})
	}
	return statements, nil
}

// validate checks what no server need be asked for, and returns all problems.
func validate(t table, d sink.Destination) error {
	var problems []error
	names := make([]string, 0, len(d.Columns))
	for _, column := range d.Columns {
		name := column.Destination
		if name == "" || slices.Contains(names, name) {
			problems = append(problems,
				misfit(t, "two columns would be named %q, or one would have no name: mend columns.rename", name))
		}
		if slices.Contains(d.Key, name) && column.Type.Nullable {
			problems = append(problems,
				misfit(t, "column %q of the key may be NULL in the source: choose another primary_key", name))
		}
		names = append(names, name)
	}
	for _, name := range slices.Concat(d.Engine.Layout().Arguments, d.Key) {
		if !slices.Contains(names, name) {
			problems = append(problems,
				misfit(t, "column %q of the key or the engine is not among those to insert", name))
		}
	}
	return errors.Join(append(problems, validateNested(t, d), validateOrder(t, d))...)
}

// validateOrder holds the sorting key, the partition key and what rows are deleted by to the
// columns that a deleted row is known by.
func validateOrder(t table, d sink.Destination) error {
	if len(d.Key) == 0 {
		return misfit(t, "it has no key: name a primary_key")
	}
	var problems []error
	for _, name := range identifiersIn(d.Options.PartitionBy) {
		if !slices.Contains(d.Key, name) {
			problems = append(problems,
				misfit(t, "partition_by uses %q, which is not in the key (%s): versions of a row would be kept apart",
					name, strings.Join(d.Key, ", ")))
		}
	}
	if problem := ttlProblem(d); problem != "" {
		problems = append(problems, misfit(t, "ttl %s", problem))
	}
	for i, name := range d.OrderBy {
		if !slices.Contains(d.Key, name) {
			problems = append(problems,
				misfit(t, "order_by names column %q, which is not in the key (%s): a deleted row would not be found",
					name, strings.Join(d.Key, ", ")))
		}
		if slices.Contains(d.OrderBy[:i], name) {
			problems = append(problems, misfit(t, "order_by names column %q twice", name))
		}
	}
	if len(d.OrderBy) > 0 && len(d.OrderBy) < len(d.Key) {
		problems = append(problems,
			misfit(t, "order_by must name every column of the key (%s), in any order", strings.Join(d.Key, ", ")))
	}
	return errors.Join(problems...)
}

func (f *features) createTable(t table, d sink.Destination, engine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE IF NOT EXISTS %s%s\n(\n", t.sql(), onCluster(d))
	for i, c := range d.Columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("    " + f.columnDefinition(c, d.Options))
	}
	fmt.Fprintf(&b, "\n)\nENGINE = %s", engine)
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
func sourceColumns(d sink.Destination) []string {
	var names []string
	for _, c := range d.Columns {
		if !d.OfEngine(c.Destination) {
			names = append(names, c.Destination)
		}
	}
	return names
}

func quoteAll(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	return strings.Join(quoted, ", ")
}
