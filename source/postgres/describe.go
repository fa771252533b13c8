package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// describeSQL returns a row for each column of the table $1, with what is known of the table in
// each of them. Every batch asks it, so it must be quick. It tells whether there are domains or
// children to look at, which [Source.complete] does then. How many dimensions an array has, each
// value decides for itself; here it has as many as it was declared with, and one if PostgreSQL
// kept no declaration. The type of an array's elements is found by typelem because pg_type has no
// index for typarray.
const describeSQL = `
SELECT c.oid, ` + identityOf + `, c.relkind, c.relhassubclass, row_security_active(c.oid),
	has_any_column_privilege(c.oid, 'SELECT'), current_setting('server_encoding'), a.attname, a.attnotnull,
	EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = c.oid AND ` + unchecked + `),
	coalesce(l.collisdeterministic, true), ` + bytewise + `, ` + keyPosition + `,
	coalesce(e.oid, t.oid), coalesce(e.typname, t.typname), coalesce(e.typtype, t.typtype), a.atttypmod,
	CASE WHEN e.oid IS NULL THEN 0 ELSE greatest(a.attndims, 1) END, format_type(coalesce(e.oid, t.oid), a.atttypmod)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

// unchecked holds if the constraint n is a NOT NULL of the column a and is NOT VALID, which
// PostgreSQL has from version 18 on.
const unchecked = `n.contype = 'n' AND NOT n.convalidated AND a.attnum = ANY (n.conkey)`

// bytewise holds if texts of the column a are sorted byte by byte: by the collation C, under
// whatever name, or by one of those that PostgreSQL has built in from version 17 on. A collation
// may be the database's, which has a provider of its own from version 15 on.
const bytewise = `l.oid IS NULL OR l.collprovider = 'b' OR l.collprovider = 'c' AND l.collcollate IN ('C', 'POSIX')
	OR l.collprovider = 'd' AND (
		SELECT CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') WHEN 'c' THEN d.datcollate IN ('C', 'POSIX') ELSE
			to_jsonb(d) ->> 'datlocprovider' = 'b' END
		FROM pg_database d WHERE d.datname = current_database())`

// keyPosition is where the column a stands in its table's primary key, from 1. In an index, the
// columns of INCLUDE come after those of the key.
const keyPosition = `coalesce((SELECT array_position((i.indkey::int2[])[:i.indnkeyatts - 1], a.attnum)
	FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary), 0)`

// identityOf tells the relation c apart from others. A view has no rows of its own: dropped and made anew,
// which is how a view is changed, it is the same one.
const identityOf = `CASE c.relkind WHEN 'v' THEN c.relnamespace::regnamespace || '.' || quote_ident(c.relname)
	ELSE c.oid::text END`

// described is what the server's catalog says of a table.
type described struct {
	oid         string
	identity    string // in the database
	kind        string // pg_class.relkind
	hasChildren bool   // or had some
	rowSecurity bool
	readable    bool
	encoding    string
	columns     []attribute
}

// attribute is a column, its domain resolved to the type beneath.
type attribute struct {
	rowset.Column
	oid           uint32 // of the elements, if it is an array
	typeName      string // of the elements, if it is an array; as the catalog has it, without schema and quotes
	modifier      int32  // of the type, such as its length
	notNull       bool   // as the catalog says
	neverNull     bool   // no row holds a null
	isDomain      bool   // or an array of one, and not resolved
	isEnum        bool
	deterministic bool // the collation tells all texts apart
	bytewise      bool // the collation sorts texts byte by byte
	keyPosition   int  // in the table's own primary key, from 1; 0: not part of it
}

// InKey implements [source.KeyColumn].
func (a attribute) InKey() (name string, place int) { return a.Name, a.keyPosition }

// Describe implements [source.Source]. Views, materialized views, foreign and partitioned tables are tables here; those
// without a primary key of their own need primaryKey.
func (s *Source) Describe(ctx context.Context, table string, primaryKey []string) (rowset.Table, error) {
	name, err := s.relation(table)
	if err != nil {
		return rowset.Table{}, err
	}
	d, mark, err := s.catalog(ctx, table, name)
	if err != nil {
		return rowset.Table{}, err
	}
	if err := s.readable(table, d); err != nil {
		return rowset.Table{}, err
	}
	out := rowset.Table{Database: s.alias, Name: table, Identity: s.identity(d.identity), Mark: mark}
	if out.PrimaryKey, err = d.key(table, primaryKey); err != nil {
		return rowset.Table{}, err
	}
	for i, a := range d.columns {
		// Where nullability is unknown, as in a view, the key's values are not null all the same: nulls match no key.
		if a.Type.Kind != rowset.Array {
			a.Type.Nullable = !a.neverNull && !slices.Contains(out.PrimaryKey, i)
		}
		a.ReadBySource = slices.Contains(out.PrimaryKey, i) && a.readBySource()
		if slices.Contains(out.PrimaryKey, i) {
			a.Limits = a.limits()
		}
		a.Folds = slices.Contains(out.PrimaryKey, i) && a.isCitext()
		a.Ordered = slices.Contains(out.PrimaryKey, i) && a.isOrdered()
		out.Columns = append(out.Columns, a.Column)
	}
	return out, nil
}

// catalog returns the server's description of a table, and a mark that was taken before.
func (s *Source) catalog(ctx context.Context, table string, name relation) (d described, mark uint64, err error) {
	ask := statement{sql: describeSQL, params: []param{textParam(name.quoted())}, read: d.read}
	if mark, err = s.marked(ctx, table, ask); err != nil {
		return described{}, 0, err
	}
	err = s.complete(ctx, table, &d)
	return d, mark, err
}

func (d *described) read(rr *pgconn.ResultReader) error {
	return eachRow(rr, func(row [][]byte) error {
		text := func(i int) string { return string(row[i]) }
		yes := func(i int) bool { return text(i) == "t" }
		d.oid, d.identity, d.kind, d.hasChildren = text(0), text(1), text(2), yes(3)
		d.rowSecurity, d.readable, d.encoding = yes(4), yes(5), text(6)
		a := attribute{
			Column: rowset.Column{Name: text(7), Destination: text(7)}, notNull: yes(8),
			deterministic: yes(10), bytewise: yes(11),
		}
		a.neverNull = a.notNull && !yes(9) && (d.kind == "r" || d.kind == "p")
		var err error
		if a.keyPosition, err = strconv.Atoi(text(12)); err != nil {
			return err
		}
		err = a.setType(row[13:])
		d.columns = append(d.columns, a)
		return err
	})
}

// setType reads the OID, name, typtype, modifier, dimensions and text of a column's type. All but
// the dimensions are those of the elements if it is an array.
func (a *attribute) setType(row [][]byte) error {
	oid, err := strconv.ParseUint(string(row[0]), 10, 32)
	if err != nil {
		return err
	}
	modifier, err := strconv.ParseInt(string(row[3]), 10, 32)
	if err != nil {
		return err
	}
	dimensions, err := strconv.Atoi(string(row[4]))
	if err != nil {
		return err
	}
	a.oid, a.typeName, a.modifier = uint32(oid), string(row[1]), int32(modifier)
	a.isDomain, a.isEnum = string(row[2]) == "d", string(row[2]) == "e"
	a.SourceType = string(row[5]) + strings.Repeat("[]", dimensions)
	switch a.Type = typeOf(a.oid, a.modifier); {
	case dimensions > 0:
		a.Type = arrayType(a.Type, dimensions)
	case a.isEnum:
		a.Type.Kind = rowset.Enum
	}
	return nil
}

// readable refuses what is no table and what can't be read as a whole.
func (s *Source) readable(table string, d described) error {
	switch {
	case len(d.columns) == 0 || !slices.Contains([]string{"r", "p", "v", "m", "f"}, d.kind):
		return s.noTable(nil, table)
	case !d.readable:
		return s.denied(nil, table)
	case d.rowSecurity:
		return chferry.Errorf(chferry.CodeConfiguration,
			"row security hides rows of table %s from the user of database %q, and they "+
				"would look deleted: ALTER ROLE … BYPASSRLS, or connect as the table's owner", table, s.alias)
	}
	return nil
}
