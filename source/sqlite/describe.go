package sqlite

import (
	"context"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// describeSQL returns a row for each column of the table named by its parameter, with what is known
// of the table in each. A rowid, which is what a column of the type INTEGER is that is a primary
// key alone, is never null. Hidden columns are a virtual table's arguments; generated ones count
// from 2 and are columns like others.
const describeSQL = `
SELECT l.name, l.type, x.name, x.type, x."notnull" OR (x.pk = 1 AND NOT l.wr AND upper(x.type) = 'INTEGER'
	AND (SELECT max(pk) FROM pragma_table_xinfo(l.name, l.schema)) = 1), x.pk
FROM pragma_table_list(?) AS l JOIN pragma_table_xinfo(l.name, l.schema) AS x
WHERE l.schema = 'main' AND x.hidden <> 1 ORDER BY x.cid`

// described is what the file's schema says of a table.
type described struct {
	file    string // the identity of the file
	name    string // as it was created
	columns []attribute
}

type attribute struct {
	rowset.Column
	notNull     bool
	keyPosition int // in the table's own primary key, from 1; 0: not part of it
}

// InKey implements [source.KeyColumn].
func (a attribute) InKey() (name string, place int) { return a.Name, a.keyPosition }

// Describe implements [source.Source]. Only ordinary tables can be synced: views and virtual tables
// are refused. A table's name is taken as it is, with dots and quotes; SQLite ignores the case of
// its ASCII letters.
func (s *Source) Describe(ctx context.Context, table string, primaryKey []string) (rowset.Table, error) {
	var out rowset.Table
	err := s.within(ctx, table, func(ctx context.Context, at *snapshot) error {
		d, err := s.describe(ctx, at, table)
		if err != nil {
			return err
		}
		out = rowset.Table{Database: s.alias, Name: table, Identity: d.identity()}
		if out.PrimaryKey, err = d.key(ctx, at, table, primaryKey); err != nil {
			return err
		}
		var encoding string
		if err := at.QueryRowContext(ctx, "PRAGMA encoding").Scan(&encoding); err != nil {
			return err
		}
		for i, a := range d.columns {
			isKey := slices.Contains(out.PrimaryKey, i)
			a.Type = a.typeIn(isKey)
			a.Ordered = isKey && a.isOrdered(encoding)
			out.Columns = append(out.Columns, a.Column)
		}
		return nil
	})
	if err != nil {
		return rowset.Table{}, err
	}
	return out, nil
}

func (s *Source) describe(ctx context.Context, at *snapshot, table string) (described, error) {
	d := described{file: at.file}
	rows, err := at.QueryContext(ctx, describeSQL, table)
	if err != nil {
		return d, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var a attribute
		if err := rows.Scan(&d.name, &kind, &a.Name, &a.SourceType, &a.notNull, &a.keyPosition); err != nil {
			return d, err
		}
		if kind != "table" {
			return d, chferry.Errorf(chferry.CodeConfiguration,
				"%s of database %q is no ordinary table but of the kind %s: name the table that its rows are in",
				table, s.alias, kind)
		}
		a.Destination, a.Type = a.Name, typeOf(a.SourceType)
		if a.SourceType == "" {
			a.SourceType = "no declared type"
		}
		d.columns = append(d.columns, a)
	}
	if err := rows.Err(); err != nil {
		return d, err
	}
	if len(d.columns) == 0 {
		return d, s.noTable(table)
	}
	return d, nil
}

// typeIn is the column's type in a table whose primary key it is part of, or not. Nulls equal no
// key. Where another key is configured, the table's own may hold nulls: SQLite allows them there.
func (a attribute) typeIn(key bool) rowset.Type {
	t := a.Type
	t.Nullable = !a.notNull && !key
	return t
}

// isOrdered tells whether SQLite sorts values as [rowset.Column.Ordered] says. Dates and times are
// texts, or numbers, in several forms, and so are UUIDs. Texts of a key are compared by their bytes
// in the file's encoding, for a collation that does not fold is BINARY.
func (a attribute) isOrdered(encoding string) bool {
	switch a.Type.Kind {
	case rowset.Bool, rowset.Int64, rowset.Decimal:
		return !textAffinity(a.SourceType)
	case rowset.String:
		return encoding == "UTF-8"
	default:
		return false
	}
}

// identity is what [rowset.Table.Identity] is for the table: the file, and the table's name and own
// primary key, by which operations name its rows. SQLite keeps nothing else that would do. A table
// has no number of its own: the page and the row of the schema that lead to it are reused, and
// VACUUM changes both. Its definition changes with every column that is added, and replacing a
// table by an altered copy of the same name is how SQLite's own manual alters tables. So a table
// that is dropped and created again in the same file is the same; another file, such as a copy, a
// restored backup or what VACUUM INTO made, is not.
func (d described) identity() string {
	var key []string
	for _, i := range source.OwnKey(d.columns) {
		key = append(key, d.columns[i].Name)
	}
	return d.file + "/" + quote(d.name) + "(" + quoteAll(key) + ")"
}
