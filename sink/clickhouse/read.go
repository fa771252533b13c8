package clickhouse

import (
	"context"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// reading is a selection on a server.
type reading struct {
	*Client
	sink.Selection
	features *features
	table    table
	existing *existing
	keys     []column // of Key
	hashed   []column // of Hashed
	where    []string // conditions of all rows that count
	// here tells that the server can't write rows as RowBinary, so that their values are read and
	// hashed here.
	here bool
}

func (c *Client) startReading(ctx context.Context, s sink.Selection) (*reading, error) {
	return c.startReadingOf(ctx, s, c.describe)
}

func (c *Client) startReadingOf(ctx context.Context, s sink.Selection,
	describe func(context.Context, table) (existing, view *existing, err error),
) (*reading, error) {
	t, err := parseTable(s.Table, c.database)
	if err != nil {
		return nil, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	r := &reading{Client: c, Selection: s, features: f, table: t, here: !f.formatRow}
	existing, _, err := describe(ctx, t)
	if err != nil {
		return nil, err
	}
	if existing == nil {
		return nil, misfit(t, "it does not exist: create it with apply")
	}
	r.existing = existing
	if r.keys, err = r.columns(s.Key); err != nil {
		return nil, err
	}
	if r.hashed, err = r.columns(s.Hashed); err != nil {
		return nil, err
	}
	r.where = []string{quote(s.Engine.Layout().Deleted) + " = 0"}
	return r, r.addOnly()
}

// addOnly adds the conditions of Only.
func (r *reading) addOnly() error {
	if r.Only.Rows() == 0 {
		return nil
	}
	names := make([]string, len(r.Only.Columns))
	for i, w := range r.Only.Columns {
		names[i] = w.Destination
	}
	columns, err := r.columns(names)
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
func (r *reading) columns(names []string) ([]column, error) {
	d := r.Destination
	d.Columns = make([]rowset.Column, len(names))
	for i, name := range names {
		at := slices.IndexFunc(r.Columns, func(w rowset.Column) bool { return w.Destination == name })
		if at < 0 {
			return nil, misfit(r.table, "column %q is not synced", name)
		}
		d.Columns[i] = r.Columns[at]
	}
	return columnsFor(r.table, r.existing.columns, d, r.features)
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

// read runs a query within the time that an insert has.
func (r *reading) read(ctx context.Context, doing string, each func(scan func(...any) error) error, sql string) error {
	ctx = ch.Context(ctx, ch.WithSettings(r.settings()))
	return r.queryWithin(ctx, r.opts.InsertTimeout, doing, each, sql)
}
