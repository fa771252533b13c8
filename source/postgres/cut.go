package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// fewRows is how many rows a range has at least, by the planner's estimate, when a table is cut.
const fewRows = 50_000

// Cut implements [source.Ranger]. Borders are those of the statistics that ANALYZE keeps of the
// key's first column. A table without them, such as a view, is one range, and so is what a where
// leaves of a table.
func (s *Source) Cut(ctx context.Context, table rowset.Table, where string, most int) (source.Cut, error) {
	r, err := s.rangeOf(ctx, table, where)
	if err != nil {
		return source.Cut{}, err
	}
	if err := r.checkWhere(); err != nil {
		return source.Cut{}, err
	}
	if err := s.refuseNulls(ctx, table, r.name); err != nil {
		return source.Cut{}, err
	}
	end, greatest, err := r.key("SELECT "+strings.Join(r.order.texts(), ", ")+r.from()+" ORDER BY "+
		r.order.descending()+" LIMIT 1", nil)
	if err != nil || end == "" {
		return source.Cut{}, err
	}
	var cut source.Cut
	if cut.Rows, err = r.estimate(); err != nil {
		return source.Cut{}, err
	}
	var borders []string
	if most = int(min(int64(most), cut.Rows/max(1, s.fewRows))); where == "" && most > 1 {
		if borders, err = r.borders(nil, greatest[:1]); err != nil {
			return source.Cut{}, err
		}
	}
	cut.Ranges = rangesOf(thinned(borders, most-1), end)
	return cut, nil
}

// rangesOf returns the ranges between borders, up to an end.
func rangesOf(borders []string, end string) []source.Range {
	var ranges []source.Range
	after := ""
	for _, border := range append(borders, end) {
		ranges = append(ranges, source.Range{After: after, UpTo: border})
		after = border
	}
	return ranges
}

// thinned returns at most so many borders, evenly spread.
func thinned(borders []string, most int) []string {
	if len(borders) <= most {
		return borders
	}
	var out []string
	for i := range most {
		out = append(out, borders[(i+1)*len(borders)/(most+1)])
	}
	return out
}

// bordersSQL returns values of the key's first column from the statistics, in the column's own
// order: the bounds between which equally many rows are, and the most common values. The first part
// of the union gives no rows but the column's type and collation. The statistics of a partitioned
// table are those that are inherited from its partitions. ORDER BY needs the t: the name b alone is
// the text.
const bordersSQL = `
SELECT b::text FROM (
	SELECT %s AS b FROM %s AS t WHERE false
	UNION SELECT v.v::%s FROM (SELECT s.histogram_bounds, s.most_common_vals
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
		WHERE c.oid = to_regclass($1) AND s.attname = $2 ORDER BY s.inherited DESC LIMIT 1) AS s,
		LATERAL unnest(coalesce(s.histogram_bounds::text::text[], '{}') ||
			coalesce(s.most_common_vals::text::text[], '{}')) AS v
) AS t(b) WHERE b IS NOT NULL AND %s ORDER BY t.b`

// borders returns the places that the statistics know between the first values of two keys; none
// before stands for the table's beginning.
func (r *tableRange) borders(after, before []string) ([]string, error) {
	first := r.table.Columns[r.table.PrimaryKey[0]]
	typ := orderType(first)
	if typ == "" {
		typ = "text"
	}
	// The condition is the one on the column, with the border in the column's place.
	between := keyOrder{table: r.table, columns: []string{"b"}}
	condition, params := between.condition(before, "<", 3)
	if len(after) > 0 {
		behind, more := between.condition(after, ">", 3+len(params))
		condition, params = condition+" AND "+behind, append(params, more...)
	}
	var places []string
	ask := statement{
		sql:    fmt.Sprintf(bordersSQL, r.order.columns[0], r.name.quoted(), typ, condition),
		params: append([]param{textParam(r.name.quoted()), textParam(first.Name)}, params...),
		read: func(rr *pgconn.ResultReader) error {
			return eachRow(rr, func(row [][]byte) error {
				place, err := r.order.place(chferry.PrimaryKey{string(row[0])})
				places = append(places, place)
				return err
			})
		},
	}
	return places, r.run(ask)
}

// estimate is the planner's, of the rows that there are. It knows views, foreign tables and
// partitions, and tables that were never analysed.
func (r *tableRange) estimate() (rows int64, err error) {
	within, _, err := r.within(source.Range{}, r.where)
	if err != nil {
		return 0, err
	}
	var plan []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		} `json:"Plan"`
	}
	explain := statement{
		sql: "EXPLAIN (FORMAT JSON) SELECT" + r.from() + within,
		read: func(rr *pgconn.ResultReader) error {
			return eachRow(rr, func(row [][]byte) error { return json.Unmarshal(row[0], &plan) })
		},
	}
	if err := r.run(explain); err != nil || len(plan) == 0 {
		return 0, err
	}
	return int64(plan[0].Plan.Rows), nil
}

// checkWhere refuses a condition that the server does not take. It must also stand where a
// parenthesis can't be closed, so that it remains one condition whatever stands around it.
func (r *tableRange) checkWhere() error {
	if r.where == "" {
		return nil
	}
	if err := r.run(); err != nil { // of the table alone
		return err
	}
	for _, condition := range []string{"(" + r.where + "\n)", "CASE WHEN " + r.where + "\n THEN true END"} {
		err := r.run(statement{sql: "SELECT" + r.from() + " WHERE " + condition + " LIMIT 0"})
		var refused *pgconn.PgError
		if err == nil {
			continue
		}
		if !errors.As(err, &refused) || passes(refused) {
			return err
		}
		return chferry.Errorf(chferry.CodeConfiguration,
			"the where for table %s of database %q can't be used (SQLSTATE %s): %s",
			r.table.Name, r.alias, refused.Code, cmp.Or(whereFaults[refused.Code], "PostgreSQL does not take it"))
	}
	return nil
}

// passes tells whether an error is of the server's state, and not of a condition.
func passes(err *pgconn.PgError) bool {
	switch err.Code {
	case noParameters:
		return isPoolersTimeout(err)
	case readOnly:
		return false
	}
	return slices.Contains([]string{"08", "25", "40", "53", "55", "57", "58", "XX"}, err.Code[:min(2, len(err.Code))])
}

// SQLSTATEs of a condition whose classes are of the server's state.
const (
	noParameters = "08P01" // fewer parameters come than the statement has
	readOnly     = "25006"
)

// whereFaults says what a condition has that the server refuses it for.
var whereFaults = map[string]string{
	"42601": "it is not one SQL condition: check its syntax, its quotes and its parentheses",
	"42501": "it reads what the database's user may not read",
	"42703": "it names a column that the table does not have; a text stands in single quotes",
	"42P01": "it names a table that is not read: name columns alone, as in deleted_at IS NULL",
	"42P02": "it has a parameter such as $1", noParameters: "it has a parameter such as $1",
	readOnly: "it writes",
	"42803":  "it has an aggregate function",
	"42P20":  "it has a window function",
	"42804":  "it is not true or false, but of another type",
	"42883":  "it uses a function or an operator that is not there for these types",
	"42725":  "it uses a function or an operator whose types are ambiguous: cast its values",
	"22P02":  "it has a text that can't be read as the type that it is compared with",
	"22007":  "it has a text that is no date or time",
}
