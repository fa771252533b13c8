package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// querySettings are sent with a look-up to servers that know them.
var querySettings = []string{querySizeSetting}

// querySizeSetting bounds the text of a query, 256 KiB by default.
const (
	querySizeSetting = "max_query_size"
	mostQuery        = 8 << 20
	usualQuery       = 200 << 10 // bytes of keys in a query, where the setting can't be set
)

// Current looks rows up by their keys. See [sink.Finder]. The time limit is that of an insert, for
// the server reads the key's columns of all rows.
func (c *Client) Current(ctx context.Context, d sink.Destination, keys rowset.Block,
	before uint64,
) (rowset.Block, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return rowset.Block{}, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return rowset.Block{}, err
	}
	of := d
	of.Columns = sortingColumns(d)
	columns, err := c.wantedColumns(ctx, t, of, f)
	if err != nil {
		return rowset.Block{}, err
	}
	l := &lookup{Client: c, table: t, layout: d.Engine.Layout(), before: before, found: rowset.NewBlock(of.Columns)}
	for i, column := range columns {
		k := keyPart{column: column, from: of.Columns[i]}
		isIt := func(w rowset.Column) bool { return w.Destination == column.name }
		if at := slices.IndexFunc(keys.Columns, isIt); at >= 0 {
			k.from, k.values = keys.Columns[at], &keys.Vectors[at]
		}
		l.parts = append(l.parts, k)
	}
	most := usualQuery
	if f.settings[querySizeSetting] {
		most = mostQuery
		ctx = ch.Context(ctx, ch.WithSettings(ch.Settings{querySizeSetting: 2 * mostQuery}))
	}
	for first := 0; first < keys.Rows(); {
		last := l.fitting(first, keys.Rows(), most)
		if err := l.find(ctx, first, last); err != nil {
			return rowset.Block{}, err
		}
		first = last
	}
	return l.found, nil
}

// sortingColumns returns the columns by which the destination's table is sorted.
func sortingColumns(d sink.Destination) []rowset.Column {
	var columns []rowset.Column
	for _, name := range d.OrderBy {
		if i := slices.IndexFunc(d.Columns, func(c rowset.Column) bool { return c.Destination == name }); i >= 0 {
			columns = append(columns, d.Columns[i])
		}
	}
	return columns
}

// lookup finds current rows by keys.
type lookup struct {
	*Client
	table  table
	parts  []keyPart
	layout engine.Layout
	before uint64
	found  rowset.Block
}

// fitting returns up to which key, from first on, the keys fit into a query that has two lists of them.
func (l *lookup) fitting(first, keys, most int) (last int) {
	const overhead = 5 // of a text in its list
	size := 0
	for last = first; last < keys; last++ {
		for _, p := range l.parts {
			if p.listed() {
				size += 2 * (len(quoteText(p.text(last))) + overhead)
			}
		}
		if size > most && last > first {
			return last
		}
	}
	return last
}

// find appends the rows that have one of the keys from first up to last. Rows whose key is none
// that the source could have are passed over.
func (l *lookup) find(ctx context.Context, first, last int) error {
	names, texts := make([]string, len(l.parts)), make([]string, len(l.parts))
	for i, p := range l.parts {
		names[i], texts[i] = quote(p.name), p.textSQL()
	}
	sql := fmt.Sprintf("SELECT %s FROM %s WHERE %s GROUP BY %s HAVING argMax(%s, %s) = 0 AND max(%[6]s) < %d",
		strings.Join(texts, ", "), l.table.sql(), l.condition(first, last), strings.Join(names, ", "),
		quote(l.layout.Deleted), quote(l.layout.Version), l.before)
	pk, targets := make(chferry.PrimaryKey, len(l.parts)), make([]any, len(l.parts))
	for i := range pk {
		targets[i] = &pk[i]
	}
	doing := "look up keys in " + l.table.String()
	return l.queryWithin(ctx, l.opts.InsertTimeout, doing, func(scan func(...any) error) error {
		if err := scan(targets...); err != nil {
			return err
		}
		for i, p := range l.parts {
			pk[i] = p.written(pk[i])
		}
		_ = rowset.AppendPrimaryKey(l.found.Vectors, pk)
		return nil
	}, sql)
}

// condition holds for the rows that have one of the keys, and for some others. In a column that
// folds, letters are compared without their case. Where both texts are ASCII, lower does; else
// coarse, which is slower.
func (l *lookup) condition(first, last int) string {
	var conditions, notASCII []string
	var listed []keyPart
	for _, p := range l.parts {
		switch {
		case !p.listed():
		case !p.folds() && p.constant(first, last): // such as the database column, whose index then helps
			conditions = append(conditions, p.textSQL()+" = "+quoteText(p.text(first)))
		default:
			listed = append(listed, p)
			if p.folds() {
				notASCII = append(notASCII, fmt.Sprintf("length(%s) != lengthUTF8(%[1]s)", quote(p.name)))
			}
		}
	}
	ascii, other := split(listed, first, last)
	keys := append(slices.Clone(ascii), other...)
	var either []string
	switch {
	case len(listed) == 0:
	case len(notASCII) == 0:
		either = []string{in(listed, "%s", keys)}
	default:
		either = []string{"(" + strings.Join(notASCII, " OR ") + ") AND " + in(listed, coarse, keys)}
		if len(ascii) > 0 {
			either = append(either, in(listed, "lower(%s)", ascii))
		}
		if len(other) > 0 {
			either = append(either, in(listed, coarse, other))
		}
	}
	if len(either) > 0 {
		conditions = append(conditions, "("+strings.Join(either, " OR ")+")")
	}
	if len(conditions) == 0 {
		return "1"
	}
	return strings.Join(conditions, " AND ")
}

// split tells the keys from first up to last whose folding columns have nothing but ASCII from the others.
func split(parts []keyPart, first, last int) (ascii, other []int) {
	for row := first; row < last; row++ {
		if slices.ContainsFunc(parts, func(p keyPart) bool {
			return p.folds() && strings.ContainsFunc(p.text(row), func(r rune) bool { return r > '~' })
		}) {
			other = append(other, row)
		} else {
			ascii = append(ascii, row)
		}
	}
	return ascii, other
}

// in holds for the rows whose columns are those of a key, once fold is applied to those that fold.
// Each column's values are one text, cut by a byte that no text has, with a letter before each,
// because not every server gives an empty one back.
func in(parts []keyPart, fold string, rows []int) string {
	var columns, lists, names, values []string
	for i, p := range parts {
		column, value := p.textSQL(), fmt.Sprintf("substring(k%d, 2)", i)
		if p.folds() {
			column, value = fmt.Sprintf(fold, quote(p.name)), fmt.Sprintf(fold, value)
		}
		texts := make([]string, len(rows))
		for n, row := range rows {
			texts[n] = "x" + p.text(row)
		}
		columns, values = append(columns, column), append(values, value)
		lists = append(lists, fmt.Sprintf("splitByChar('\\0', %s) AS l%d", quoteText(strings.Join(texts, "\x00")), i))
		names = append(names, fmt.Sprintf("l%d AS k%[1]d", i))
	}
	return fmt.Sprintf("(%s) IN (SELECT %s FROM (SELECT %s) ARRAY JOIN %s)",
		strings.Join(columns, ", "), strings.Join(values, ", "), strings.Join(lists, ", "), strings.Join(names, ", "))
}
