package clickhouse

import (
	"context"

	"github.com/chferry/chferry/sink"
)

// ColumnTypes returns the types that the columns of a destination have in a new table. See [sink.Typer].
func (c *Client) ColumnTypes(ctx context.Context, d sink.Destination) ([]string, error) {
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	if err := f.checkCasts(t, d); err != nil {
		return nil, err
	}
	types := make([]string, len(d.Columns))
	for i, column := range d.Columns {
		types[i] = f.typeOf(column)
	}
	return types, nil
}
