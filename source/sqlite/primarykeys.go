package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// PrimaryKeys implements [source.Source]. Each page is a transaction of its own, so that no writer
// waits while each runs.
//
// A row whose key is null, or is stored in a form that [Source.Fetch] does not look for, has no key
// that operations could name it by. It gets one that can't be read, so that an operation on it is
// set aside: such a row must not go missing in silence.
func (s *Source) PrimaryKeys(ctx context.Context, table rowset.Table, pageSize int,
	each func([]chferry.PrimaryKey) error,
) error {
	return s.PrimaryKeysBehind(ctx, table, "", pageSize,
		func(page []chferry.PrimaryKey, _ string) error { return each(page) })
}

// PrimaryKeysBehind implements [source.Resumer]. A place is the stored values of the last key.
func (s *Source) PrimaryKeysBehind(
	ctx context.Context, table rowset.Table, place string, pageSize int, each func([]chferry.PrimaryKey, string) error,
) error {
	p := &keyPages{table: table, size: max(pageSize, 1)}
	if place != "" {
		var ok bool
		if p.last, ok = valuesOf(place); !ok || len(p.last) != len(table.PrimaryKey) {
			return chferry.Errorf(chferry.CodeInvalid,
				"the place to go on from is none of table %s, whose primary key may have changed", table.Name)
		}
	}
	for {
		var page []chferry.PrimaryKey
		err := s.within(ctx, table.Name, func(ctx context.Context, at *snapshot) error {
			name, err := s.sameTable(ctx, at, table)
			if err != nil {
				return err
			}
			page, err = p.read(ctx, at, name)
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		if err := each(page, placeOf(p.last)); err != nil || len(page) < p.size {
			return err
		}
	}
}

// keyPages are the pages of a table's primary keys.
type keyPages struct {
	table rowset.Table
	size  int
	last  []any // the stored values of the last key of the page before; nil: none yet
}

// read reads the next page. SQLite compares the keys with the last one as it orders them, which is
// by their storage classes too.
func (p *keyPages) read(ctx context.Context, at *snapshot, name string) ([]chferry.PrimaryKey, error) {
	var values, columns []string
	for _, c := range p.table.PrimaryKey {
		values = append(values, valueOf(p.table.Columns[c]))
		columns = append(columns, "t."+quote(p.table.Columns[c].Name))
	}
	query := "SELECT " + strings.Join(values, ", ") + " FROM " + quote(name) + " AS t"
	var params []any
	if p.last != nil {
		var behind string
		behind, params = behindLast(columns, p.last)
		query += " WHERE " + behind
	}
	query += " ORDER BY " + strings.Join(columns, ", ") + " LIMIT " + strconv.Itoa(p.size)
	rows, err := at.QueryContext(ctx, query, params...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	into := make([]any, len(columns))
	var page []chferry.PrimaryKey
	for rows.Next() {
		last := make([]any, len(columns))
		for i := range last {
			into[i] = &last[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, value := range last {
			if blob, ok := value.([]byte); ok && len(blob) == 0 {
				last[i] = []byte{} // a nil would be sent as a null
			}
		}
		page, p.last = append(page, keyOf(p.table.KeyTypes(), last)), last
	}
	return page, rows.Err()
}

// behindLast is the condition that a key comes behind the last one, with its parameters. Rows are
// compared by one comparison of row values, which finds its place in an index. A null, which comes
// first in SQLite's order, makes no row value greater: one in the last key needs a condition for
// each column.
func behindLast(columns []string, last []any) (condition string, params []any) {
	if !slices.Contains(last, nil) {
		return "(" + strings.Join(columns, ", ") + ") > (" + marks(len(last)) + ")", last
	}
	var steps []string
	var same string
	for i, column := range columns {
		params = append(params, last[:i]...)
		if last[i] == nil {
			steps = append(steps, "("+same+column+" IS NOT NULL)")
		} else {
			steps, params = append(steps, "("+same+column+" > ?)"), append(params, last[i])
		}
		same += column + " IS ? AND "
	}
	return "(" + strings.Join(steps, " OR ") + ")", params
}

// marks are so many parameters.
func marks(n int) string { return strings.Repeat(", ?", n)[len(", "):] }

func keyOf(types []rowset.Type, values []any) chferry.PrimaryKey {
	key := make(chferry.PrimaryKey, len(values))
	for i, value := range values {
		v := rowset.Vector{Type: types[i]}
		if readValue(&v, value) == "" && isForm(&v, 0, value) {
			key[i] = keyText(&v, 0)
		} else {
			key[i] = unreadable(value)
		}
	}
	return key
}

// unreadable returns a text that stands for one value and that no kind of key can be read from, for
// it begins with a NUL.
func unreadable(value any) string {
	switch value := value.(type) {
	case nil:
		return "\x00null"
	case []byte:
		return fmt.Sprintf("\x00x'%x'", value)
	default:
		return fmt.Sprintf("\x00%v", value)
	}
}
