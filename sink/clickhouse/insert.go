package clickhouse

import (
	"context"
	"errors"
	"slices"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// insertSettings are sent with an insert to servers that know them.
var insertSettings = []string{
	"async_insert", "insert_deduplication_token",
	"min_insert_block_size_rows", "min_insert_block_size_bytes", "max_insert_block_size", partitionsSetting,
}

// partitionsSetting bounds the partitions of a block, 100 by default, so that nobody partitions by
// what is nearly unique. A batch has the rows that changed, wherever they are: it may touch any
// number of partitions.
const partitionsSetting = "max_partitions_per_insert_block"

// Insert inserts the block as one block. See [sink.Sink].
func (c *Client) Insert(ctx context.Context, d sink.Destination, block rowset.Block,
	token string,
) ([]sink.Rejected, error) {
	if block.Rows() == 0 {
		return nil, nil
	}
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	bounded, endSend := c.sendContext(ctx)
	defer endSend()
	d.Columns = block.Columns
	// A token would do harm: an attempt may have a row that the one before could not insert.
	if d.Engine.Layout().Replaces {
		token = ""
	}
	rejected, err := c.insert(withInsertSettings(bounded, f, block.Rows(), token), t, d, block, f)
	if err != nil {
		return nil, c.failure(ctx, "insert into "+t.String(), err)
	}
	return rejected, nil
}

// insert sends the rows that the columns can hold. A batch of the driver's that broke is never sent again.
func (c *Client) insert(ctx context.Context, t table, d sink.Destination, block rowset.Block,
	f *features,
) ([]sink.Rejected, error) {
	batch, columns, err := c.begin(ctx, c.conn, t, d, f)
	if err != nil {
		return nil, err
	}
	defer func() { _ = batch.Abort() }() // nothing after a Send
	held := canonicalOf(t, d, block, columns, f)
	if held.Rows() == 0 {
		return held.rejected, nil
	}
	if err := fill(batch.Columns(), columns, &held.Block); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil { // which Send notices only while it waits for the server
		return nil, err
	}
	return held.rejected, batch.Send()
}

// begin begins an insert and returns the columns as the server has them in it, in the order of those of d.
func (c *Client) begin(
	ctx context.Context, conn driver.Conn, t table, d sink.Destination, f *features,
) (driver.Batch, []column, error) {
	if c.overHTTP { // where no answer tells of the columns before the rows are sent
		columns, err := c.wantedColumns(ctx, t, d, f)
		if err != nil {
			return nil, nil, err
		}
		ctx = ch.Context(ctx, ch.WithColumnNamesAndTypes(namesAndTypes(columns)))
	}
	names := make([]string, len(d.Columns))
	for i, w := range d.Columns {
		names[i] = w.Destination
	}
	batch, err := prepare(ctx, conn, t, names)
	if err != nil {
		return nil, nil, c.explain(ctx, t, d, f, err)
	}
	columns, err := columnsFor(t, columnsOf(batch), d, f)
	hasName := func(c chcolumn.Interface, name string) bool { return c.Name() == name }
	if err == nil && !slices.EqualFunc(batch.Columns(), names, hasName) {
		err = misfit(t, "it answers with other columns than it was asked to fill")
	}
	if err != nil {
		return nil, nil, errors.Join(err, batch.Abort())
	}
	return batch, columns, nil
}

// columnsOf returns the columns that an insert fills, in its order.
func columnsOf(batch driver.Batch) []column {
	var columns []column
	for _, target := range batch.Columns() {
		columns = append(columns, newColumn(target.Name(), string(target.Type()), ""))
	}
	return columns
}

// explain names the column if an insert was refused because of one, which the server's number does
// not, or is of a type that the driver does not know.
func (c *Client) explain(ctx context.Context, t table, d sink.Destination, f *features, err error) error {
	code := chferry.CodeOf(c.failure(ctx, "insert", err))
	if code != chferry.CodeSchemaMismatch && code != chferry.CodeUnknown {
		return err
	}
	if _, misfit := c.wantedColumns(ctx, t, d, f); misfit != nil {
		return misfit
	}
	return err
}

// wantedColumns asks the server for the columns.
func (c *Client) wantedColumns(ctx context.Context, t table, d sink.Destination, f *features) ([]column, error) {
	described, _, err := c.describeColumns(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(described) == 0 {
		return nil, misfit(t, "it does not exist: create it with apply")
	}
	return columnsFor(t, described, d, f)
}

func namesAndTypes(columns []column) []ch.ColumnNameAndType {
	list := make([]ch.ColumnNameAndType, len(columns))
	for i, c := range columns {
		list[i] = ch.ColumnNameAndType{Name: c.name, Type: c.text}
	}
	return list
}

// withInsertSettings asks for the block to be written as it is and before the answer: not kept for later, not cut, not
// joined with others, and not twice under one token.
func withInsertSettings(ctx context.Context, f *features, rows int, token string) context.Context {
	return withKnownSettings(ctx, f, ch.Settings{
		"async_insert": 0, "insert_deduplication_token": token,
		"min_insert_block_size_rows": 0, "min_insert_block_size_bytes": 0, "max_insert_block_size": max(rows, 1<<20),
		partitionsSetting: 0,
	})
}

// withKnownSettings leaves out what the server does not know.
func withKnownSettings(ctx context.Context, f *features, asked ch.Settings) context.Context {
	settings := ch.Settings{}
	for name, value := range asked {
		if f.settings[name] && value != "" {
			settings[name] = value
		}
	}
	return ch.Context(ctx, ch.WithSettings(settings))
}
