package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/chferry/chferry"
)

// PrimaryKeys implements [source.Source]. The keys are those of one moment, read in one transaction that stays open until the
// last page; a writer waits for it unless the database is in WAL mode.
//
// A row whose key is null, or is stored in a form that [Source.Fetch] does not look for, has no key that operations could
// name it by. It gets one that can't be read, so that an operation on it is set aside: such a row must not go missing in
// silence.
func (s *Source) PrimaryKeys(ctx context.Context, table chferry.Table, pageSize int, each func([]chferry.PrimaryKey) error) error {
	var stopped error
	err := s.within(ctx, table.Name, func(ctx context.Context, at *snapshot) error {
		name, err := s.sameTable(ctx, at, table)
		if err != nil {
			return err
		}
		return readKeys(ctx, at, table, name, pageSize, func(page []chferry.PrimaryKey) error {
			stopped = at.pause(func() error { return each(page) })
			return stopped
		})
	})
	if stopped != nil {
		return stopped
	}
	return err
}

func readKeys(ctx context.Context, at *snapshot, table chferry.Table, name string, pageSize int, each func([]chferry.PrimaryKey) error) error {
	var columns []string
	for _, c := range table.PrimaryKey {
		columns = append(columns, valueOf(table.Columns[c]))
	}
	rows, err := at.QueryContext(ctx, "SELECT "+strings.Join(columns, ", ")+" FROM "+quote(name)+" AS t")
	if err != nil {
		return err
	}
	defer rows.Close()
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var page []chferry.PrimaryKey
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		if page = append(page, keyOf(table.KeyTypes(), values)); len(page) < max(pageSize, 1) {
			continue
		}
		if err := each(page); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		page = nil
	}
	if err := rows.Err(); err != nil || len(page) == 0 {
		return err
	}
	return each(page)
}

func keyOf(types []chferry.Type, values []any) chferry.PrimaryKey {
	key := make(chferry.PrimaryKey, len(values))
	for i, value := range values {
		v := chferry.Vector{Type: types[i]}
		if readValue(&v, value) == "" && isForm(&v, 0, value) {
			key[i] = keyText(&v, 0)
		} else {
			key[i] = unreadable(value)
		}
	}
	return key
}

// unreadable returns a text that stands for one value and that no kind of key can be read from, for it begins with a NUL.
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
