package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

var _ source.Ranger = (*Source)(nil)

// Scan implements [source.Ranger]. A page that ends early because its rows are large costs the connection.
func (s *Source) Scan(ctx context.Context, table rowset.Table, ask source.Scan) (source.Page, error) {
	if err := fetchable(table, nil); err != nil {
		return source.Page{}, err
	}
	r, err := s.rangeOf(ctx, table, ask.Where)
	if err != nil {
		return source.Page{}, err
	}
	return source.ScanPage(r, ask)
}

// tableRange reads ranges of a table.
type tableRange struct {
	*Source
	ctx   context.Context //nolint:containedctx // lives as long as one call
	table rowset.Table
	name  relation
	order keyOrder
	where string
}

func (s *Source) rangeOf(ctx context.Context, table rowset.Table, where string) (*tableRange, error) {
	name, err := s.relation(table.Name)
	return &tableRange{Source: s, ctx: ctx, table: table, name: name, order: orderOf(table), where: where}, err
}

func (r *tableRange) from() string { return " FROM " + r.name.quoted() + " AS t" }

// within is the WHERE clause for a range, with its parameters.
func (r *tableRange) within(of source.Range, where string) (sql string, params []param, err error) {
	var conditions []string
	for _, end := range []struct{ place, operator string }{{of.After, ">"}, {of.UpTo, "<="}} {
		if end.place == "" {
			continue
		}
		values, err := r.order.values(end.place)
		if err != nil {
			return "", nil, err
		}
		condition, more := r.order.condition(values, end.operator, len(params)+1)
		conditions, params = append(conditions, condition), append(params, more...)
	}
	if where != "" {
		conditions = append(conditions, "("+where+"\n)") // the line ends a comment
	}
	if len(conditions) == 0 {
		return "", nil, nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), params, nil
}

// run runs statements that read the table. The first one locks it, so that the name leads to the
// same table until the transaction ends.
func (r *tableRange) run(statements ...statement) error {
	began := time.Now()
	lock := statement{sql: "SELECT" + r.from() + " WHERE false"}
	err := r.transaction(r.ctx, r.table.Name, append([]statement{lock, r.sameTable(r.table, r.name)}, statements...)...)
	var tooMuch *source.TooMuchError
	if !errors.As(err, &tooMuch) && r.timedOut(err, time.Since(began)) {
		return &source.SlowError{Err: err}
	}
	return err
}

// Read implements [source.PageReader].
func (r *tableRange) Read(of source.Range, rows int) (source.Page, error) {
	within, params, err := r.within(of, r.where)
	if err != nil {
		return source.Page{}, err
	}
	reader := newPageReader(r.table, r.order, rows, r.maxBytes)
	read := statement{
		sql: "SELECT " + strings.Join(reader.selected, ", ") + r.from() + within +
			// One row more tells whether the row before it has its key alone.
			" ORDER BY " + r.order.list() + " LIMIT " + strconv.Itoa(rows+1),
		params: params, resultFormats: reader.formats, read: reader.read,
	}
	var tooMuch *source.TooMuchError
	if err := r.run(read); err != nil && (!reader.full || !errors.As(err, &tooMuch)) {
		return source.Page{}, err
	}
	if len(reader.nulls) > 0 {
		if err := r.stillNotNull(r.ctx, r.table, r.name, reader.nulls); err != nil {
			return source.Page{}, err
		}
	}
	return reader.done()
}

// KeyAt implements [source.PageReader].
func (r *tableRange) KeyAt(of source.Range, n int) (place string, key chferry.PrimaryKey, err error) {
	within, params, err := r.within(of, "")
	if err != nil {
		return "", nil, err
	}
	ordered := " ORDER BY " + r.order.list()
	return r.key("SELECT "+strings.Join(r.order.texts(), ", ")+" FROM (SELECT "+r.keyColumns()+r.from()+within+ordered+
		" LIMIT "+strconv.Itoa(n)+") AS t ORDER BY "+r.order.descending()+" LIMIT 1", params)
}

// keyColumns are the columns of the key under their own names.
func (r *tableRange) keyColumns() string {
	columns := make([]string, len(r.table.PrimaryKey))
	for i, c := range r.table.PrimaryKey {
		columns[i] = "t." + quote(r.table.Columns[c].Name)
	}
	return strings.Join(columns, ", ")
}

// key runs a statement that gives one key, or the first values of one; place is empty if it gives none.
func (r *tableRange) key(sql string, params []param,
	before ...statement,
) (place string, key chferry.PrimaryKey, err error) {
	ask := statement{sql: sql, params: params, read: func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			for i, value := range row {
				if value == nil {
					return holdsNulls(r.table, i)
				}
				key = append(key, string(value))
			}
			return nil
		})
	}}
	if err := r.run(append(before, ask)...); err != nil || key == nil {
		return "", nil, err
	}
	place, err = r.order.place(key)
	return place, key, err
}
