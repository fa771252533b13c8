package postgres

import (
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// describeSQL returns a row for each column of table $1, with what is known of the table in each of them. A column's type is
// followed from domains to the types beneath them, and from an array to its elements. How many dimensions an array has, its
// values decide each for itself; here it has as many as it was declared with, and one where PostgreSQL kept no declaration. A
// NOT NULL holds for sure only if it was checked, for the table and for all that are read with it, its partitions: PostgreSQL checks
// none of a foreign table, and none that is NOT VALID.
const describeSQL = `
WITH RECURSIVE resolved AS (
	SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attndims::int AS dimensions, false AS is_array, 1 AS step
	FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL
	SELECT r.attnum, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE e.oid END,
		CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE r.modifier END,
		CASE WHEN r.is_array THEN r.dimensions ELSE greatest(r.dimensions, t.typndims) END,
		r.is_array OR t.typtype <> 'd', r.step + 1
	FROM resolved r JOIN pg_type t ON t.oid = r.type LEFT JOIN pg_type e ON e.typarray = t.oid
	WHERE t.typtype = 'd' OR (e.oid IS NOT NULL AND NOT r.is_array)
), last AS (
	SELECT DISTINCT ON (attnum) attnum, type, modifier, greatest(dimensions, 1) AS dimensions, is_array
	FROM resolved ORDER BY attnum, step DESC
), primary_key AS (
	SELECT k.attnum, k.n FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
	WHERE i.indrelid = to_regclass($1) AND i.indisprimary AND k.n <= i.indnkeyatts
), tree AS (
	SELECT to_regclass($1)::oid AS oid
	UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
), may_be_null AS (
	SELECT DISTINCT a.attname FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_attribute a ON a.attrelid = c.oid
	WHERE a.attnum > 0 AND NOT a.attisdropped AND (c.relkind NOT IN ('r', 'p') OR NOT a.attnotnull OR EXISTS (
		SELECT FROM pg_constraint n WHERE n.conrelid = c.oid AND n.contype = 'n' AND NOT n.convalidated AND a.attnum = ANY (n.conkey)))
)
SELECT ` + identityOf + `, c.relkind, row_security_active(c.oid), has_any_column_privilege(c.oid, 'SELECT'),
	current_setting('server_encoding'), a.attname, a.attnotnull, t.oid, r.modifier,
	format_type(t.oid, r.modifier) || CASE WHEN r.is_array THEN repeat('[]', r.dimensions) ELSE '' END,
	t.typtype = 'e', CASE WHEN r.is_array THEN r.dimensions ELSE 0 END, coalesce(l.collisdeterministic, true), coalesce(k.n, 0),
	m.attname IS NULL, t.typname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid
JOIN last r ON r.attnum = a.attnum
JOIN pg_type t ON t.oid = r.type
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN primary_key k ON k.attnum = a.attnum
LEFT JOIN may_be_null m ON m.attname = a.attname
WHERE c.oid = to_regclass($1)
ORDER BY a.attnum`

// identityOf tells the relation c in the namespace n apart from others. A view has no rows of its own: dropped and made anew,
// which is how a view is changed, it is the same one.
const identityOf = `CASE c.relkind WHEN 'v' THEN quote_ident(n.nspname) || '.' || quote_ident(c.relname) ELSE c.oid::text END`

// described is what the server's catalog says of a table.
type described struct {
	identity    string // in the database
	kind        string // pg_class.relkind
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
	isEnum        bool
	deterministic bool // the collation tells all texts apart
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
	var d described
	mark, err := s.marked(ctx, table, d.ask(name))
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
		a.Folds = slices.Contains(out.PrimaryKey, i) && a.isCitext()
		out.Columns = append(out.Columns, a.Column)
	}
	return out, nil
}

// ask returns the statement that fills d.
func (d *described) ask(name relation) statement {
	return statement{sql: describeSQL, params: []param{textParam(name.quoted())}, read: d.read}
}

func (d *described) read(rr *pgconn.ResultReader) error {
	return eachRow(rr, func(row [][]byte) error {
		text := func(i int) string { return string(row[i]) }
		yes := func(i int) bool { return text(i) == "t" }
		d.identity, d.kind, d.rowSecurity, d.readable, d.encoding = text(0), text(1), yes(2), yes(3), text(4)
		a := attribute{
			Column:  rowset.Column{Name: text(5), Destination: text(5), SourceType: text(9)},
			notNull: yes(6), isEnum: yes(10), deterministic: yes(12), neverNull: yes(14), typeName: text(15),
		}
		oid, err := strconv.ParseUint(text(7), 10, 32)
		if err != nil {
			return err
		}
		modifier, err := strconv.ParseInt(text(8), 10, 32)
		if err != nil {
			return err
		}
		dimensions, err := strconv.Atoi(text(11))
		if err != nil {
			return err
		}
		a.oid, a.modifier = uint32(oid), int32(modifier)
		switch a.Type = typeOf(a.oid, a.modifier); {
		case dimensions > 0:
			a.Type = arrayType(a.Type, dimensions)
		case a.isEnum:
			a.Type.Kind = rowset.Enum
		}
		a.keyPosition, err = strconv.Atoi(text(13))
		d.columns = append(d.columns, a)
		return err
	})
}

// readable refuses what is no table and what can't be read as a whole.
func (s *Source) readable(table string, d described) error {
	switch {
	case len(d.columns) == 0 || !slices.Contains([]string{"r", "p", "v", "m", "f"}, d.kind):
		return s.noTable(nil, table)
	case !d.readable:
		return s.denied(nil, table)
	case d.rowSecurity:
		return chferry.Errorf(chferry.CodeConfiguration, "row security hides rows of table %s from the user of database %q, and they "+
			"would look deleted: ALTER ROLE … BYPASSRLS, or connect as the table's owner", table, s.alias)
	}
	return nil
}
