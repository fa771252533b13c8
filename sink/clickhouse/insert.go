package clickhouse

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// insertSettings are sent with an insert to servers that know them.
var insertSettings = []string{
	"async_insert", "insert_deduplication_token",
	"min_insert_block_size_rows", "min_insert_block_size_bytes", "max_insert_block_size",
}

// Insert inserts the block as one block. See [sink.Sink].
func (c *Client) Insert(ctx context.Context, d chferry.Destination, block chferry.Block, token string) ([]sink.Rejected, error) {
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
	described, err := c.describeColumns(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(described) == 0 {
		return nil, misfit(t, "it does not exist: create it with apply")
	}
	columns, err := columnsFor(t, described, block.Columns, d.Key, f)
	if err != nil {
		return nil, err
	}
	values, rejected := encode(t, block, columns, d.Key, f)
	if len(rejected) > 0 {
		block = block.Without(rejectedRows(rejected))
		values, _ = encode(t, block, columns, d.Key, f)
	}
	if block.Rows() == 0 {
		return rejected, nil
	}
	bounded, done := sendContext(ctx, c.opts.InsertTimeout)
	defer done()
	err = c.send(withInsertSettings(bounded, f, columns, block.Rows(), token), t, columns, values, block.Rows())
	if err != nil {
		return nil, c.failure(ctx, "insert into "+t.String(), err)
	}
	return rejected, nil
}

// sendContext returns a context that ends with ctx or after the timeout, and what to call when the insert has ended. The
// driver's Send leaves a goroutine behind for a moment that closes the connection if the context ends, although the
// connection may serve another call by then: so the context outlives the insert.
func sendContext(ctx context.Context, timeout time.Duration) (context.Context, func()) {
	const outlives = 10 * time.Second
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	stop := context.AfterFunc(ctx, cancel)
	return bounded, func() {
		stop()
		time.AfterFunc(outlives, cancel)
	}
}

// encode converts the block column by column, and lists the rows that have a value that can't be held. What a tombstone has
// beside its key are no values, and nobody sees them.
func encode(t table, block chferry.Block, columns []column, key []string, f *features) ([]cells, []sink.Rejected) {
	values := make([]cells, len(columns))
	tombstone := func(int) bool { return false }
	if i := slices.IndexFunc(columns, func(c column) bool { return c.name == isDeletedColumn }); i >= 0 {
		tombstone = func(row int) bool { return block.Vectors[i].Ints[row] != 0 }
	}
	var rejected []sink.Rejected
	for i, c := range columns {
		isKey := slices.Contains(key, c.name)
		var unfit []unfit
		values[i], unfit = c.encode(&block.Vectors[i], isKey, f)
		for _, u := range unfit {
			if !isKey && tombstone(u.row) {
				continue
			}
			rejected = append(rejected, sink.Rejected{
				Row: u.row, Reason: fmt.Sprintf("table %s: column %q (%s) can't hold %s", t, c.name, c.text, u.what),
			})
		}
	}
	sort.SliceStable(rejected, func(i, j int) bool { return rejected[i].Row < rejected[j].Row })
	return values, slices.CompactFunc(rejected, func(a, b sink.Rejected) bool { return a.Row == b.Row })
}

func rejectedRows(rejected []sink.Rejected) []int {
	rows := make([]int, len(rejected))
	for i, r := range rejected {
		rows[i] = r.Row
	}
	return rows
}

// withInsertSettings asks for the block to be written as it is and before the answer: not kept for later, not cut, not
// joined with others, and not twice under one token. The columns spare the driver a look at the table over HTTP.
func withInsertSettings(ctx context.Context, f *features, columns []column, rows int, token string) context.Context {
	settings := ch.Settings{}
	for name, value := range map[string]any{
		"async_insert": 0, "insert_deduplication_token": token,
		"min_insert_block_size_rows": 0, "min_insert_block_size_bytes": 0, "max_insert_block_size": max(rows, 1<<20),
	} {
		if f.settings[name] && value != "" {
			settings[name] = value
		}
	}
	described := make([]ch.ColumnNameAndType, len(columns))
	for i, c := range columns {
		described[i] = ch.ColumnNameAndType{Name: c.name, Type: c.text}
	}
	return ch.Context(ctx, ch.WithSettings(settings), ch.WithColumnNamesAndTypes(described))
}

// send builds one block in the driver and sends it. A batch that broke is never sent again.
func (c *Client) send(ctx context.Context, t table, columns []column, values []cells, rows int) error {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = column.name
	}
	// No space before the bracket: the driver then leaves the columns in our order without reading their names itself,
	// which it does wrong for names with quotes.
	batch, err := c.conn.PrepareBatch(ctx, "INSERT INTO "+t.sql()+"("+quoteAll(names)+")")
	if err != nil {
		return err
	}
	defer func() { _ = batch.Abort() }() // nothing after a Send
	targets := batch.Columns()
	if len(targets) != len(columns) {
		return misfit(t, "it has other columns than a moment ago")
	}
	var source bytes.Reader
	reader := proto.NewReader(&source)
	for i, target := range targets {
		if target.Name() != columns[i].name || string(target.Type()) != columns[i].text {
			return misfit(t, "column %q has changed in the last moment", columns[i].name)
		}
		source.Reset(values[i].wire)
		if err := values[i].fill(target, reader, rows); err != nil {
			return fmt.Errorf("build column %q: %w", columns[i].name, err)
		}
		values[i] = cells{} // the driver has a copy, and the block may be large
	}
	return batch.Send()
}

// fill puts the values into a column of the driver's; reader reads wire.
func (v *cells) fill(target driver.Interface, reader *proto.Reader, rows int) error {
	if v.text == nil {
		return target.Decode(reader, rows)
	}
	_, err := target.Append(v.driverText(target))
	return err
}

// driverText returns the text in the form that marks nulls for the driver. What it does with a dictionary of pointers
// is an entry for each.
func (v *cells) driverText(target driver.Interface) any {
	if _, dictionary := target.(*driver.LowCardinality); dictionary && v.null != nil {
		boxed := make([]any, len(v.text))
		for i, text := range v.text {
			if !v.null[i] {
				boxed[i] = text
			}
		}
		return boxed
	}
	if v.null == nil {
		return v.text
	}
	pointers := make([]*string, len(v.text))
	for i := range v.text {
		if !v.null[i] {
			pointers[i] = &v.text[i]
		}
	}
	return pointers
}
