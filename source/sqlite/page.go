package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Read implements [source.PageReader].
func (r *tableRange) Read(of source.Range, rows int) (source.Page, error) {
	if r.severalForms() {
		return r.readByKeys(of, rows)
	}
	p := &pageReader{table: r.table, limit: rows, maxBytes: r.maxBytes}
	p.page.Block = rowset.NewBlock(r.table.Columns)
	columns := make([]string, len(r.table.Columns))
	for i, c := range r.table.Columns {
		columns[i] = valueOf(c)
	}
	if err := r.inside(of, columns, rows+1, rows == 1, p.row); err != nil && !errors.Is(err, errEnough) {
		return source.Page{}, err
	}
	return p.done(), nil
}

// errEnough ends a statement.
var errEnough = errors.New("no more rows are needed")

// inside calls f with the first rows of a range, whether the condition holds for each of them or
// not, and their values. The statement has no upper end: one that also holds for keys with nulls,
// which come first in SQLite's order, is not found in an index. The rows tell where the range ends.
//
// Of a single row nothing is read of the one behind its range: whether that can be read is no matter of this one.
func (r *tableRange) inside(of source.Range, columns []string, rows int, single bool,
	f func(holds bool, values []any) error,
) error {
	after, err := r.stored(of.After)
	if err != nil {
		return err
	}
	upTo, err := r.stored(of.UpTo)
	if err != nil {
		return err
	}
	beyond, holds, begin := "0", "1", ""
	var params []any
	if upTo != nil {
		beyond, params = behindLast(r.columns(), upTo)
	}
	if r.where != "" {
		holds = "(" + r.where + "\n) IS TRUE" // the line ends a comment
	}
	if single && upTo != nil {
		ends := params
		unless := func(expression string) string {
			params = append(params, ends...)
			return "CASE WHEN " + beyond + " THEN NULL ELSE " + expression + " END"
		}
		holds, columns = unless(holds), slices.Clone(columns)
		for i := range columns {
			columns[i] = unless(columns[i])
		}
	}
	if after != nil {
		condition, more := behindLast(r.columns(), after)
		begin, params = " WHERE "+condition, append(slices.Clone(params), more...)
	}
	sql := "SELECT (" + beyond + ") IS TRUE, " + holds + ", " + strings.Join(columns, ", ") + r.from() + begin +
		" ORDER BY " + r.list()
	if r.where == "" {
		sql += " LIMIT " + strconv.Itoa(rows) // with a condition, the one row of a key that it holds for may come late
	}
	err = r.each(sql, params, func(values []any) error {
		if values[0] != any(int64(0)) {
			return errEnough
		}
		return f(values[1] == any(int64(1)), values[2:])
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// KeyAt implements [source.PageReader].
func (r *tableRange) KeyAt(of source.Range, n int) (place string, key chferry.PrimaryKey, err error) {
	var last []any
	keys := *r
	keys.where = ""
	err = keys.inside(of, []string{r.values()}, n, false, func(_ bool, values []any) error {
		last = append(last[:0], values...)
		return nil
	})
	if err != nil || last == nil {
		return "", nil, err
	}
	return placeOf(last), keyOf(r.table.KeyTypes(), last), nil
}

// pageReader reads rows in the order of the key, those of one key being neighbours.
type pageReader struct {
	table    rowset.Table
	limit    int // rows
	maxBytes int
	page     source.Page

	count int   // rows that came
	last  []any // stored values of the last row's key; nil before the first row
	state rowState
	full  bool // the page ends before a row that came
}

// rowState is what became of the last row.
type rowState uint8

const (
	passed rowState = iota // the condition does not hold for it
	carried
	unfit
	repeated // and not carried
)

func (p *pageReader) row(holds bool, values []any) error {
	p.count++
	key := make([]any, len(p.table.PrimaryKey))
	for i, c := range p.table.PrimaryKey {
		key[i] = values[c]
	}
	same := p.last != nil && !slices.Contains(key, nil) && slices.EqualFunc(key, p.last, sameValue)
	if same && (!holds || p.state != passed) {
		if holds {
			p.repeat()
		}
		return nil
	}
	// A page does not end between rows of one key: the next one begins behind the key.
	if !same && p.count > p.limit {
		p.full = true
		return errEnough
	}
	before := p.page.Block.Rows()
	state, reason := passed, ""
	if holds {
		if state, reason = carried, p.append(values); reason != "" {
			state = unfit
		}
	}
	if !same && state == carried && before > 0 && p.page.Bytes() > p.maxBytes {
		p.truncate(before)
		p.full = true
		return errEnough
	}
	p.last, p.state = key, state
	if state == unfit {
		p.page.AddUnfit(keyOf(p.table.KeyTypes(), key), reason)
	}
	return nil
}

// sameValue tells whether two stored values of one column are the same. A blob can't be compared as others are.
func sameValue(a, b any) bool {
	x, ok := a.([]byte)
	if !ok {
		_, ok = b.([]byte)
		return !ok && a == b
	}
	y, ok := b.([]byte)
	return ok && bytes.Equal(x, y)
}

// append appends a row. If the row has a value that its column can't hold, append appends nothing and says which.
func (p *pageReader) append(values []any) (reason string) {
	before := p.page.Block.Rows()
	refuse := func(c rowset.Column, what string) string {
		p.truncate(before)
		return fmt.Sprintf("table %s: column %q (%s) holds %s", p.table.Name, c.Name, c.SourceType, what)
	}
	for i, value := range values {
		if what := readValue(&p.page.Vectors[i], value); what != "" {
			return refuse(p.table.Columns[i], what)
		}
	}
	for _, c := range p.table.PrimaryKey {
		v := &p.page.Vectors[c]
		if kind := v.Type.Kind; (kind == rowset.Decimal || kind == rowset.Date) && !isForm(v, before, values[c]) {
			return refuse(p.table.Columns[c], otherForm)
		}
	}
	return ""
}

// otherForm is what a column of the key holds in a row that [Source.Fetch] does not find.
const otherForm = "a key in a form that is not looked for"

func (p *pageReader) truncate(n int) {
	for i := range p.page.Vectors {
		if p.page.Vectors[i].Len() > n {
			p.page.Vectors[i].Truncate(n)
		}
	}
}

// repeat takes back the last row: another one has its key.
func (p *pageReader) repeat() {
	switch p.state {
	case repeated:
		return
	case carried:
		p.truncate(p.page.Block.Rows() - 1)
	case unfit:
		p.page.TakeUnfit()
	case passed: // has no row
	}
	p.state = repeated
	p.page.AddUnfit(keyOf(p.table.KeyTypes(), p.last), source.RepeatedReason(p.table.Name))
}

func (p *pageReader) done() source.Page {
	p.page.Done = !p.full && p.count <= p.limit
	if p.last != nil {
		p.page.Last = placeOf(p.last)
	}
	return p.page
}
