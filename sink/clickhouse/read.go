package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Names of expressions, which no column has.
const (
	hashName  = "`(chferry) hash`"
	rangeName = "`(chferry) range %d`"
)

// reading is a selection on a server.
type reading struct {
	*Client
	sink.Selection
	features *features
	table    table
	keys     []column // of Key
	where    []string // conditions of all rows that count
}

func (c *Client) startReading(ctx context.Context, s sink.Selection) (*reading, error) {
	t, err := parseTable(s.Table, c.database)
	if err != nil {
		return nil, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	r := &reading{Client: c, Selection: s, features: f, table: t}
	if !f.mayHaveFormatRow() {
		return nil, r.withoutFormatRow(nil)
	}
	if r.keys, err = r.columns(ctx, s.Key); err != nil {
		return nil, err
	}
	if _, err = r.columns(ctx, s.Hashed); err != nil { // they must be there
		return nil, err
	}
	r.where = []string{quote(s.Engine.Layout().Deleted) + " = 0"}
	return r, r.addOnly(ctx)
}

// addOnly adds the conditions of Only.
func (r *reading) addOnly(ctx context.Context) error {
	if r.Only.Rows() == 0 {
		return nil
	}
	names := make([]string, len(r.Only.Columns))
	for i, w := range r.Only.Columns {
		names[i] = w.Destination
	}
	columns, err := r.columns(ctx, names)
	if err != nil {
		return err
	}
	for _, column := range columns {
		k, err := keyValuesOf(column, &r.Only, r.features)
		if err != nil {
			return err
		}
		condition, err := k.compare("=", r.features)
		if err != nil {
			return err
		}
		r.where = append(r.where, condition)
	}
	return nil
}

// columns returns columns of the table by their names.
func (r *reading) columns(ctx context.Context, names []string) ([]column, error) {
	if len(names) == 0 {
		return nil, nil
	}
	d := r.Destination
	d.Columns = make([]rowset.Column, len(names))
	for i, name := range names {
		at := slices.IndexFunc(r.Columns, func(w rowset.Column) bool { return w.Destination == name })
		if at < 0 {
			return nil, misfit(r.table, "column %q is not synced", name)
		}
		d.Columns[i] = r.Columns[at]
	}
	return r.wantedColumns(ctx, r.table, d, r.features)
}

// hash is the expression for a row's hash.
func (r *reading) hash() string {
	if len(r.Hashed) == 0 {
		return "toUInt64(0)"
	}
	return "xxHash64(formatRow('RowBinary', " + quoteAll(r.Hashed) + "))"
}

// from is what follows a SELECT of the rows that count and for which all conditions hold.
func (r *reading) from(conditions ...string) string {
	held := slices.Concat(r.where, conditions)
	return " FROM " + r.table.sql() + " FINAL WHERE " + strings.Join(held, " AND ")
}

// within holds for the keys of a range.
func (r *reading) within(of sink.Range) (string, error) {
	after, err := boundOf(r.keys, &of.After, r.features)
	if err != nil {
		return "", err
	}
	upTo, err := boundOf(r.keys, &of.UpTo, r.features)
	if err != nil {
		return "", err
	}
	var conditions []string
	if after != nil {
		condition, err := after.beside(">", false, r.features)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, condition)
	}
	if upTo != nil {
		condition, err := upTo.beside("<", true, r.features)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, condition)
	}
	if len(conditions) == 0 {
		return "1", nil
	}
	return "(" + strings.Join(conditions, " AND ") + ")", nil
}

// Sums hashes the rows of ranges. See [sink.Reader].
func (c *Client) Sums(ctx context.Context, s sink.Selection, ranges []sink.Range) ([]sink.Sum, error) {
	if len(ranges) == 0 {
		return nil, nil
	}
	r, err := c.startReading(ctx, s)
	if err != nil {
		return nil, err
	}
	var selected, conditions, sums []string
	for i, of := range ranges {
		condition, err := r.within(of)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf(rangeName, i)
		selected, conditions = append(selected, condition+" AS "+name), append(conditions, condition)
		sums = append(sums, fmt.Sprintf("countIf(%s), sumIf(%s, %[1]s)", name, hashName))
	}
	out := make([]sink.Sum, len(ranges))
	targets := make([]any, 0, 2*len(ranges))
	for i := range out {
		targets = append(targets, &out[i].Rows, &out[i].Hashes)
	}
	each := func(scan func(...any) error) error { return scan(targets...) }
	err = r.read(ctx, "hash the rows of "+r.table.String(), each,
		"SELECT "+strings.Join(sums, ", ")+" FROM (SELECT "+r.hash()+" AS "+hashName+", "+strings.Join(selected, ", ")+
			r.from("("+strings.Join(conditions, " OR ")+")")+")")
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Page reads the first rows of a range. See [sink.Reader].
func (c *Client) Page(ctx context.Context, s sink.Selection, of sink.Range, most int) (sink.Page, error) {
	r, err := c.startReading(ctx, s)
	if err != nil {
		return sink.Page{}, err
	}
	condition, err := r.within(of)
	if err != nil {
		return sink.Page{}, err
	}
	page := sink.Page{Hashed: r.newHashed()}
	err = r.rows(ctx, &page.Hashed, fmt.Sprintf("%s ORDER BY %s LIMIT %d", r.from(condition), quoteAll(r.Key), most))
	if err != nil {
		return sink.Page{}, err
	}
	page.Done = page.Keys.Rows() < most
	return page, nil
}

func (r *reading) newHashed() sink.Hashed {
	columns := make([]rowset.Column, len(r.Key))
	for i, name := range r.Key {
		columns[i] = r.Columns[slices.IndexFunc(r.Columns, func(w rowset.Column) bool { return w.Destination == name })]
	}
	return sink.Hashed{Keys: rowset.NewBlock(columns)}
}

// rows appends keys and hashes of rows.
func (r *reading) rows(ctx context.Context, to *sink.Hashed, from string) error {
	var key string
	var hash uint64
	return r.read(ctx, "read keys of "+r.table.String(), func(scan func(...any) error) error {
		if err := scan(&key, &hash); err != nil {
			return err
		}
		if len(r.Hashed) > 0 {
			to.Hashes = append(to.Hashes, hash)
		}
		return appendRowBinaryKey(to.Keys.Vectors, r.keys, []byte(key))
	}, "SELECT formatRow('RowBinary', "+quoteAll(r.Key)+"), "+r.hash()+from)
}

// read runs a query within the time that an insert has.
func (r *reading) read(ctx context.Context, doing string, each func(scan func(...any) error) error, sql string) error {
	settings := ch.Settings{}
	for name, value := range readSettings {
		if r.features.settings[name] {
			settings[name] = value
		}
	}
	if r.overHTTP { // where a server goes on for a client that has gone, unless the query can't write
		settings["readonly"] = 2
	}
	settings["max_execution_time"] = wholeSeconds(r.opts.InsertTimeout)
	err := r.queryWithin(ch.Context(ctx, ch.WithSettings(settings)), r.opts.InsertTimeout, doing, each, sql)
	var exception *ch.Exception
	if errors.As(err, &exception) && proto.Error(exception.Code) == proto.ErrUnknownFunction {
		return r.withoutFormatRow(err)
	}
	return err
}

// withoutFormatRow is the error for a server that can't write rows as RowBinary. Once canonical
// values have a RowBinary form in Go, the columns can be read there instead and hashed here.
func (r *reading) withoutFormatRow(cause error) error {
	return chferry.WrapError(chferry.CodeConfiguration, cause,
		"hash the rows of %s: ClickHouse %d.%d lacks the function formatRow, so rows can't be compared: update it",
		r.table, r.features.version.major, r.features.version.minor)
}
