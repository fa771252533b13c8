package clickhouse

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// ClickHouse has no dry run of CREATE TABLE, and what it refuses there can't be told by other questions alone: a value
// that a setting does not take, settings that contradict each other, a partition key that is not deterministic. So the
// statement itself is sent with a version column that the table does not have. ClickHouse looks for this column behind
// the settings, the keys, the codecs and the expressions, and before it makes a folder or a name. The statement fails
// in every case: of the absent column if nothing else is wrong.

// absentColumn is the version column's name, which says to those who read the server's log what the statement is for.
const absentColumn = "a column that does not exist, so that this statement of chferry creates nothing"

// plainDatabases are the engines of databases in which a statement that fails leaves nothing. Others, such as
// Replicated, write a statement to a keeper before they run it.
var plainDatabases = []string{"Atomic", "Ordinary", "Overlay"}

// probeCreate sends a statement that would create a table but for the absent column, on this server alone. It is sent
// without the configuration first: a server that does not name the absent column then can't be asked.
func (c *Client) probeCreate(ctx context.Context, f *features, d sink.Destination, s sink.Statement) error {
	t, err := parseTable(d.Table, c.database)
	isThere := func(column rowset.Column) bool { return column.Destination == absentColumn }
	if err != nil || s.Kind != sink.Table || slices.ContainsFunc(d.Columns, isThere) ||
		!c.isPlainDatabase(ctx, t.database) {
		return nil //nolint:nilerr // a name that is none is refused by another check
	}
	options := d.Options
	options.Cluster, options.Replicated, options.Settings = "", nil, maps.Clone(options.Settings)
	maps.DeleteFunc(options.Settings, func(name, _ string) bool { return slices.Contains(placeSettings, name) })
	create := func(options chferry.TableOptions) error {
		like := d
		like.Options = options
		engine := d.Engine.Layout().Family + "(" + quote(absentColumn) + ")"
		return c.exec(ctx, "ask ClickHouse about the table", f.createTable(t, like, engine))
	}
	if !isAbsentColumn(create(chferry.TableOptions{})) {
		return nil
	}
	err = create(options)
	var exception *ch.Exception
	if isAbsentColumn(err) || !errors.As(err, &exception) {
		return nil
	}
	s.Configured.Replicated = ""
	if err := explainCreate(s, err); chferry.CodeOf(err) == chferry.CodeConfiguration {
		return err
	}
	return nil // a right that the user lacks, or a server that does not answer
}

func isAbsentColumn(err error) bool {
	var exception *ch.Exception
	return errors.As(err, &exception) && strings.Contains(exception.Message, absentColumn)
}

func (c *Client) isPlainDatabase(ctx context.Context, name string) bool {
	engine := ""
	err := c.query(ctx, "look at the database", func(scan func(...any) error) error { return scan(&engine) },
		"SELECT engine FROM system.databases WHERE name = "+literal(name))
	return err == nil && slices.Contains(plainDatabases, engine)
}
