package demo

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// comparison is what became of one table.
type comparison struct {
	table          string
	source, target int // rows
	deleted        int // rows that the shop deleted
	different      int // rows that are on one side alone, or differ
	examples       []string
}

// maxExamples is how many differences are shown of a table.
const maxExamples = 3

// compared are the shop's tables with the columns in both databases, the key first.
var compared = []struct{ table, columns, key string }{
	{users, "id, name, email, balance, active, created_at", "id"},
	{lines, "order_id, line, item, quantity, price", "order_id, line"},
}

// compare reads both sides in the order of the key and compares every value.
func (s *shop) compare(ctx context.Context, clickhouseURL string) ([]comparison, error) {
	options, err := ch.ParseDSN(clickhouseURL)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	target := ch.OpenDB(options)
	defer func() { _ = target.Close() }()
	var comparisons []comparison
	for _, c := range compared {
		from := "SELECT " + c.columns + " FROM " + c.table
		source, err := read(ctx, s.db, from+" ORDER BY "+c.key)
		if err != nil {
			return nil, err
		}
		defer source.Close()
		final, err := read(ctx, target, from+" FINAL WHERE _is_deleted = 0 ORDER BY "+c.key)
		if err != nil {
			return nil, err
		}
		defer final.Close()
		result, err := compareRows(c.table, source, final)
		if err != nil {
			return nil, err
		}
		result.deleted = s.deleted[c.table]
		comparisons = append(comparisons, result)
	}
	return comparisons, nil
}

// compareRows counts rows that are not at the same place of both sides: after a row that one side
// lacks it goes on with the other.
func compareRows(table string, source, target *side) (comparison, error) {
	c := comparison{table: table}
	more := func(s *side, count *int) {
		if s.next() {
			*count++
		}
	}
	more(source, &c.source)
	more(target, &c.target)
	for source.row != nil || target.row != nil {
		switch order := compareKeys(source.row, target.row); {
		case order < 0:
			c.differ("%s is missing in ClickHouse", source)
			more(source, &c.source)
		case order > 0:
			c.differ("%s is only in ClickHouse", target)
			more(target, &c.target)
		default:
			if strings.Join(source.row, "\x00") != strings.Join(target.row, "\x00") {
				c.differ("%s differs", source)
			}
			more(source, &c.source)
			more(target, &c.target)
		}
	}
	if source.err != nil {
		return c, fmt.Errorf("compare %s in the source: %w", table, source.err)
	}
	if target.err != nil {
		return c, fmt.Errorf("compare %s in ClickHouse: %w", table, target.err)
	}
	return c, nil
}

func (c *comparison) differ(format string, s *side) {
	c.different++
	if len(c.examples) < maxExamples {
		c.examples = append(c.examples, fmt.Sprintf(format, "row "+s.row[0]))
	}
}

// compareKeys compares the two first values, which are integers in both tables; a side that has ended comes last.
func compareKeys(a, b []string) int {
	switch {
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	for i := range 2 {
		x, xErr := strconv.Atoi(a[i])
		y, yErr := strconv.Atoi(b[i])
		if xErr != nil || yErr != nil {
			return 0 // the key has one column
		}
		if x != y {
			return x - y
		}
	}
	return 0
}

// side reads the rows of one side, each value as text that is the same for the same value in every database.
type side struct {
	*sql.Rows
	types []*sql.ColumnType
	row   []string // nil: no more
	err   error
}

func read(ctx context.Context, db *sql.DB, query string) (*side, error) {
	rows, err := db.QueryContext(ctx, query) //nolint:rowserrcheck // next does it
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	types, err := rows.ColumnTypes()
	return &side{Rows: rows, types: types}, err
}

// next reads the next row and tells whether there is one.
func (s *side) next() bool {
	s.row = nil
	if !s.Next() {
		s.err = s.Err()
		return false
	}
	values, into := make([]any, len(s.types)), make([]any, len(s.types))
	for i := range values {
		into[i] = &values[i]
	}
	if s.err = s.Scan(into...); s.err != nil {
		return false
	}
	row := make([]string, len(values))
	for i, v := range values {
		row[i] = text(v, strings.ToUpper(s.types[i].DatabaseTypeName()))
	}
	s.row = row
	return true
}

// text writes a value of a type, as its database calls it, as text.
func text(value any, typeName string) string {
	if value == nil {
		return "NULL"
	}
	switch v := value.(type) {
	case *string:
		if v == nil {
			return "NULL"
		}
		return *v
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04:05.000000")
	case float64:
		return strconv.FormatFloat(v, 'f', 2, 64) // a decimal of SQLite, which keeps them in binary
	case int64:
		if strings.HasPrefix(typeName, "BOOL") {
			return strconv.FormatBool(v != 0)
		}
	}
	if strings.Contains(typeName, "DECIMAL") || strings.Contains(typeName, "NUMERIC") {
		return fixed(fmt.Sprint(value))
	}
	return fmt.Sprint(value)
}

// fixed writes a number with the two digits that all decimals of the shop have behind the point.
func fixed(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	return whole + "." + fraction + strings.Repeat("0", max(0, 2-len(fraction)))
}
