package sqlite

import (
	"context"
	"errors"
	"strconv"
	"strings"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

var _ source.Ranger = (*Source)(nil)

const (
	// How many rows are counted to show progress.
	mostCounted = 10_000_000
	// The middle of a range is looked for among so many of its keys.
	mostHalved = 500_000
)

// Cut implements [source.Ranger]. SQLite keeps too little statistics to cut a table by: a table is
// one range, to be halved. Rows are counted, whether the where holds for them or not, but at most
// 10 million.
func (s *Source) Cut(ctx context.Context, table rowset.Table, where string, _ int) (cut source.Cut, err error) {
	r := s.rangeOf(ctx, table, where)
	if err := r.checkWhere(); err != nil {
		return source.Cut{}, err
	}
	end, err := r.key("SELECT "+r.values()+" FROM (SELECT *"+r.from()+" ORDER BY "+r.descending()+" LIMIT 1) AS t", nil)
	if err != nil || end == "" {
		return source.Cut{}, err
	}
	err = r.within(func(ctx context.Context, at *snapshot, name string) error {
		sql := "SELECT count(*) FROM (SELECT 1 FROM " + quote(name) + " AS t LIMIT " + strconv.Itoa(mostCounted) + ")"
		return at.QueryRowContext(ctx, sql).Scan(&cut.Rows)
	})
	cut.Ranges = []source.Range{{UpTo: end}}
	return cut, err
}

// Halve implements [source.Ranger]. Of a range with more keys than [mostHalved], it gives the
// middle of the first of them.
func (s *Source) Halve(ctx context.Context, table rowset.Table, of source.Range) (string, error) {
	r := s.rangeOf(ctx, table, "")
	condition, params, err := r.about(of)
	if err != nil {
		return "", err
	}
	keys := "SELECT " + r.list() + r.from() + condition + " ORDER BY " + r.list() + " LIMIT " + strconv.Itoa(mostHalved)
	place, err := r.key("SELECT "+r.values()+" FROM ("+keys+") AS t LIMIT 1 OFFSET max(0, (SELECT count(*) FROM ("+keys+
		")) / 2 - 1)",
		append(params, params...))
	if err != nil || place == "" {
		return "", err
	}
	behind, _, err := r.KeyAt(source.Range{After: place, UpTo: of.UpTo}, 1)
	if err != nil || behind == "" {
		return "", err
	}
	return place, nil
}

// Scan implements [source.Ranger]. Rows whose key has a kind that SQLite stores in several forms
// are found by their keys, as Fetch finds them: rows of one key need not be neighbours.
func (s *Source) Scan(ctx context.Context, table rowset.Table, ask source.Scan) (source.Page, error) {
	if err := fetchable(table, nil); err != nil {
		return source.Page{}, err
	}
	return source.ScanPage(s.rangeOf(ctx, table, ask.Where), ask)
}

// tableRange reads ranges of a table.
type tableRange struct {
	*Source
	ctx   context.Context //nolint:containedctx // lives as long as one call
	table rowset.Table
	where string
}

func (s *Source) rangeOf(ctx context.Context, table rowset.Table, where string) *tableRange {
	return &tableRange{Source: s, ctx: ctx, table: table, where: where}
}

// tableMark stands for the table's name, which is known once the table was described.
const tableMark = "\x00table\x00"

func (r *tableRange) from() string { return " FROM " + tableMark + " AS t" }

func (r *tableRange) columns() []string {
	columns := make([]string, len(r.table.PrimaryKey))
	for i, c := range r.table.PrimaryKey {
		columns[i] = "t." + quote(r.table.Columns[c].Name)
	}
	return columns
}

func (r *tableRange) list() string { return strings.Join(r.columns(), ", ") }

func (r *tableRange) descending() string { return strings.Join(r.columns(), " DESC, ") + " DESC" }

// values are the stored values of a key.
func (r *tableRange) values() string {
	values := make([]string, len(r.table.PrimaryKey))
	for i, c := range r.table.PrimaryKey {
		values[i] = valueOf(r.table.Columns[c])
	}
	return strings.Join(values, ", ")
}

// about is the WHERE clause for a range, with its parameters. It leaves out rows whose key has a null.
func (r *tableRange) about(of source.Range) (sql string, params []any, err error) {
	after, err := r.stored(of.After)
	if err != nil {
		return "", nil, err
	}
	upTo, err := r.stored(of.UpTo)
	if err != nil {
		return "", nil, err
	}
	var conditions []string
	for _, end := range []struct {
		values   []any
		operator string
	}{{after, " > "}, {upTo, " <= "}} {
		if end.values != nil {
			conditions = append(conditions, "("+r.list()+")"+end.operator+"("+marks(len(end.values))+")")
			params = append(params, end.values...)
		}
	}
	if len(conditions) == 0 {
		return "", nil, nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), params, nil
}

// stored reads a place.
func (r *tableRange) stored(place string) ([]any, error) {
	if place == "" {
		return nil, nil
	}
	values, ok := valuesOf(place)
	if !ok || len(values) != len(r.table.PrimaryKey) {
		return nil, chferry.Errorf(chferry.CodeInvalid,
			"the place to go on from is none of table %s, whose primary key may have changed", r.table.Name)
	}
	return values, nil
}

// within calls read with the table's name in a transaction.
func (r *tableRange) within(read func(ctx context.Context, at *snapshot, name string) error) error {
	return r.Source.within(r.ctx, r.table.Name, func(ctx context.Context, at *snapshot) error {
		name, err := r.sameTable(ctx, at, r.table)
		if err != nil {
			return err
		}
		return read(ctx, at, name)
	})
}

// each calls f with the values of each row that a statement gives, which are valid during the call.
func (r *tableRange) each(sql string, params []any, f func(values []any) error) error {
	return r.within(func(ctx context.Context, at *snapshot, name string) error {
		return r.fault(eachRow(ctx, at, strings.ReplaceAll(sql, tableMark, quote(name)), params, f))
	})
}

// fault tells an error that a row causes from others.
func (r *tableRange) fault(err error) error {
	if what := rowFault(err); what != "" {
		return chferry.WrapError(chferry.CodeUnreadable, err,
			"table %s of database %q has a row that can't be read: %s", r.table.Name, r.alias, what)
	}
	return err
}

func eachRow(ctx context.Context, at *snapshot, sql string, params []any, f func(values []any) error) error {
	rows, err := at.QueryContext(ctx, sql, params...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// key runs a statement that gives the stored values of one key; place is empty if it gives none.
func (r *tableRange) key(sql string, params []any) (place string, err error) {
	err = r.each(sql, params, func(values []any) error {
		place = placeOf(values)
		return nil
	})
	return place, err
}

// checkWhere refuses a condition that SQLite does not take. It must also stand where a parenthesis
// can't be closed, so that it remains one condition whatever stands around it.
func (r *tableRange) checkWhere() error {
	if r.where == "" {
		return nil
	}
	return r.within(func(ctx context.Context, at *snapshot, name string) error {
		for _, condition := range []string{"(" + r.where + "\n)", "CASE WHEN " + r.where + "\n THEN 1 END"} {
			err := eachRow(ctx, at, "SELECT 1 FROM "+quote(name)+" AS t WHERE "+condition+" LIMIT 0", nil,
				func([]any) error { return nil })
			var refused *driver.Error
			if err == nil || errors.As(err, &refused) && refused.Code()&0xff != codes.SQLITE_ERROR || ctx.Err() != nil {
				if err != nil {
					return err
				}
				continue
			}
			return chferry.Errorf(chferry.CodeConfiguration,
				"the where for table %s of database %q can't be used: it must be one SQL condition, with columns of "+
					"the table alone, texts in single quotes and without parameters", r.table.Name, r.alias)
		}
		return nil
	})
}
