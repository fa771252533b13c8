package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/chferry/chferry"
)

// Most tables have neither domains nor partitions. The statements that follow domains and
// partitions stand apart, because the server takes longer to plan them than to describe a table.

// domainsSQL follows the types of the table $1's columns from domains to the types beneath them,
// and from an array to its elements.
const domainsSQL = `
WITH RECURSIVE resolved AS (
	SELECT a.attname, a.atttypid AS type, a.atttypmod AS modifier, a.attndims::int AS dimensions, false AS is_array,
		1 AS step
	FROM pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
	UNION ALL
	SELECT r.attname, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE e.oid END,
		CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE r.modifier END,
		CASE WHEN r.is_array THEN r.dimensions ELSE greatest(r.dimensions, t.typndims) END,
		r.is_array OR t.typtype <> 'd', r.step + 1
	FROM resolved r JOIN pg_type t ON t.oid = r.type LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
	WHERE t.typtype = 'd' OR (e.oid IS NOT NULL AND NOT r.is_array)
)
SELECT DISTINCT ON (r.attname) r.attname, t.oid, t.typname, t.typtype, r.modifier,
	CASE WHEN r.is_array THEN greatest(r.dimensions, 1) ELSE 0 END, format_type(t.oid, r.modifier)
FROM resolved r JOIN pg_type t ON t.oid = r.type ORDER BY r.attname, r.step DESC`

// nullsSQL tells for each column whether it never holds a null, in the table $1 and in its
// partitions and other children. A NOT NULL holds for sure only if PostgreSQL checked it:
// it checks none of a foreign table, and none that is NOT VALID.
const nullsSQL = `
WITH RECURSIVE tree AS (
	SELECT $1::oid AS oid
	UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT a.attname, bool_and(c.relkind IN ('r', 'p') AND a.attnotnull AND NOT EXISTS (
	SELECT FROM pg_constraint n WHERE n.conrelid = c.oid AND ` + unchecked + `))
FROM tree JOIN pg_class c ON c.oid = tree.oid JOIN pg_attribute a ON a.attrelid = c.oid
WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attname`

// complete asks for what a description lacks if the table has columns of domains, or children.
func (s *Source) complete(ctx context.Context, table string, d *described) error {
	isDomain := func(a attribute) bool { return a.isDomain }
	var statements []statement
	answers := map[string]int{}
	ask := func(sql string, take func(a *attribute, row [][]byte) error) {
		id := param{pgtype.OIDOID, textFormat, []byte(d.oid)}
		read := func(row [][]byte) error {
			answers[string(row[0])]++
			i := slices.IndexFunc(d.columns, func(a attribute) bool { return a.Name == string(row[0]) })
			if i < 0 {
				return nil // a column that only a child has
			}
			return take(&d.columns[i], row[1:])
		}
		statements = append(statements, statement{
			sql: sql, params: []param{id}, read: func(rr *pgconn.ResultReader) error { return eachRow(rr, read) },
		})
	}
	if slices.ContainsFunc(d.columns, isDomain) {
		ask(domainsSQL, (*attribute).setType)
	}
	if d.kind == "p" || d.kind == "r" && d.hasChildren {
		ask(nullsSQL, func(a *attribute, row [][]byte) error {
			a.neverNull = string(row[0]) == "t"
			return nil
		})
	}
	if len(statements) == 0 {
		return nil
	}
	if err := s.transaction(ctx, table, statements...); err != nil {
		return err
	}
	for _, a := range d.columns {
		if answers[a.Name] < len(statements) {
			return chferry.Errorf(chferry.CodeUnavailable,
				"table %s of database %q was changed while it was described: it is tried again",
				table, s.alias)
		}
	}
	return nil
}
