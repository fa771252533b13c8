package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Fetch implements [source.Source]. Keys are compared by SQLite, as values of the columns' types.
// It returns [chferry.CodeSourceChanged] if the table is not the one that was described, and
// [chferry.CodeSchemaMismatch] for a column of a type that is not supported and for one that
// changed since it was described.
func (s *Source) Fetch(ctx context.Context, table rowset.Table, keys []rowset.Vector) (rowset.Rows, error) {
	if err := fetchable(table, keys); err != nil {
		return rowset.Rows{}, err
	}
	if len(keys) == 0 || keys[0].Len() == 0 {
		return rowset.Rows{Block: rowset.NewBlock(table.Columns)}, nil
	}
	found := newRowReader(table, keys[0].Len(), s.maxBytes)
	err := s.within(ctx, table.Name, func(ctx context.Context, at *snapshot) error {
		name, err := s.sameTable(ctx, at, table)
		if err != nil {
			return err
		}
		query := fetchSQL(table, name)
		err = eachKeyList(keys,
			func(list *keyList) error { return found.read(ctx, at, query, string(list.json), list.owner) })
		if what := rowFault(err); what != "" && found.read(ctx, at, query, noKeys, nil) == nil {
			return chferry.WrapError(chferry.CodeUnreadable, err,
				"table %s of database %q has a row that can't be read: %s", table.Name, s.alias, what)
		}
		return err
	})
	var tooSlow *source.SlowError
	if errors.As(err, &tooSlow) {
		err = cmp.Or(source.TooSlow(keys[0].Len()), err)
	}
	if err != nil {
		return rowset.Rows{}, err
	}
	source.Repeated(&found.rows, found.repeated, table.Name)
	return found.rows, nil
}

// noKeys is a list of keys without any. A statement that fails with it does not fail for a row.
const noKeys = "[]"

// fetchable refuses what the caller of Fetch got wrong.
func fetchable(table rowset.Table, keys []rowset.Vector) error {
	for _, c := range table.Columns {
		if valueReaders[c.Type.Kind] == nil {
			return chferry.Errorf(chferry.CodeSchemaMismatch,
				"column %q of table %s has the type %s, which is not supported: name it in columns.exclude",
				c.Name, table.Name, c.SourceType)
		}
	}
	if len(keys) > 0 && len(keys) != len(table.PrimaryKey) {
		return chferry.Errorf(chferry.CodeInvalid, "the primary key of table %s has %d columns, the keys have %d",
			table.Name, len(table.PrimaryKey), len(keys))
	}
	return nil
}

// sameTable refuses a table that is not as it was described, and returns its name.
func (s *Source) sameTable(ctx context.Context, at *snapshot, table rowset.Table) (string, error) {
	d, err := s.describe(ctx, at, table.Name)
	if err != nil {
		return "", err
	}
	if table.Identity != "" && d.identity() != table.Identity {
		return "", chferry.Errorf(chferry.CodeSourceChanged,
			"table %s of database %q is not the one that was described: it was replaced", table.Name, s.alias)
	}
	for i, c := range table.Columns {
		j := slices.IndexFunc(d.columns, func(a attribute) bool { return a.Name == c.Name })
		if j < 0 {
			return "", chferry.Errorf(chferry.CodeUnavailable,
				"table %s of database %q lost column %q since it was described: it was changed meanwhile, and "+
					"the next attempt describes it anew", table.Name, s.alias, c.Name)
		}
		if d.columns[j].typeIn(slices.Contains(table.PrimaryKey, i)) != c.Type {
			return "", chferry.Errorf(chferry.CodeSchemaMismatch,
				"column %q of table %s has another type than when it was described: it was changed meanwhile",
				c.Name, table.Name)
		}
	}
	return d.name, nil
}

// valueOf returns the SQL expression of a column's value as it is stored. The sign, which changes
// nothing, hides the declared type from the driver, which would take texts of some types for times.
func valueOf(c rowset.Column) string { return "+t." + quote(c.Name) }

// fetchSQL joins a list of keys, its parameter, with the table. Each row has the position in the
// list before the table's columns. CROSS JOIN makes SQLite go through the list and not through the
// table.
func fetchSQL(table rowset.Table, name string) string {
	columns := []string{"k.key"}
	for _, c := range table.Columns {
		columns = append(columns, valueOf(c))
	}
	var conditions []string
	for i, c := range table.PrimaryKey {
		conditions = append(conditions,
			"t."+quote(table.Columns[c].Name)+" = "+elementOf(table.Columns[c].Type, i, len(table.PrimaryKey)))
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM json_each(?) AS k CROSS JOIN " + quote(name) + " AS t ON " +
		strings.Join(conditions, " AND ")
}

// rowReader turns rows into column vectors.
type rowReader struct {
	table    rowset.Table
	rows     rowset.Rows
	seen     []bool       // by key
	repeated map[int]bool // keys that several rows have
	maxBytes int
}

func newRowReader(table rowset.Table, keys, maxBytes int) *rowReader {
	return &rowReader{
		table: table, rows: rowset.Rows{Block: rowset.NewBlock(table.Columns), Key: make([]int, 0, keys)},
		seen: make([]bool, keys), repeated: map[int]bool{}, maxBytes: maxBytes,
	}
}

// read reads the rows of a list of keys; owner has the index of the key that each element of the list is a form of.
func (r *rowReader) read(ctx context.Context, at *snapshot, query, keys string, owner []int) error {
	rows, err := at.QueryContext(ctx, query, keys)
	if err != nil {
		return err
	}
	defer rows.Close()
	var element int
	values := make([]any, len(r.table.Columns))
	into := []any{&element}
	for i := range values {
		into = append(into, &values[i])
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r.row(owner[element], values)
		if err := source.TooMuch(&r.rows, r.maxBytes); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *rowReader) row(key int, values []any) {
	if r.seen[key] {
		r.repeated[key] = true
		return
	}
	r.seen[key] = true
	before := r.rows.Rows()
	for i, value := range values {
		what := readValue(&r.rows.Vectors[i], value)
		if what == "" {
			continue
		}
		for j := range r.rows.Vectors[:i] {
			r.rows.Vectors[j].Truncate(before)
		}
		c := r.table.Columns[i]
		reason := fmt.Sprintf("table %s: column %q (%s) holds %s", r.table.Name, c.Name, c.SourceType, what)
		r.rows.Unfit = append(r.rows.Unfit, rowset.Unfit{Key: key, Reason: reason})
		return
	}
	r.rows.Key = append(r.rows.Key, key)
}
