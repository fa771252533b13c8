package clickhouse

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// keyValues are values of a column of the key, which become part of statements as texts that the
// server converts to the type of the column.
type keyValues struct {
	column
	values *rowset.Vector
	cells  []string // the texts
	unfit  map[int]bool
}

// keyValuesOf finds the column among those of a block.
func keyValuesOf(c column, from *rowset.Block, f *features) (keyValues, error) {
	for i, w := range from.Columns {
		if w.Destination != c.name {
			continue
		}
		k := keyValues{column: c, values: &from.Vectors[i], cells: make([]string, from.Rows()), unfit: map[int]bool{}}
		held := k.canonical(k.values, true, f)
		for _, u := range held.unfit {
			k.unfit[u.row] = true
		}
		for row := range k.cells {
			switch {
			case k.unfit[row]:
			case k.isBytes():
				k.cells[row] = hex.EncodeToString(k.values.At(row))
			case held.values.Type.Kind == rowset.Bool, k.base == "Date":
				k.cells[row] = strconv.FormatInt(held.values.Ints[row], 10)
			default:
				k.cells[row] = string(held.values.AppendText(nil, row))
			}
		}
		return k, nil
	}
	return keyValues{}, chferry.Errorf(chferry.CodeInvalid, "the keys lack column %q of the key", c.name)
}

// isBytes reports whether the values may be no texts, so that hexadecimal digits stand for them.
func (k keyValues) isBytes() bool { return k.values.Type.Kind == rowset.Bytes }

// typed is an expression for the value that a text stands for.
func (k keyValues) typed(text string) string {
	to := k.base
	switch k.base {
	case "String":
		if k.isBytes() {
			return "unhex(" + text + ")"
		}
		return text
	case "Bool":
		to = "UInt8"
	case "Date": // from the number of its days: 18.16 reads no text of a day after 2105
		text = "CAST(" + text + " AS UInt16)"
	case "Decimal":
		to = "Decimal(" + strconv.Itoa(k.args[0]) + ", " + strconv.Itoa(k.args[1]) + ")"
	case "DateTime":
		to = "DateTime('UTC')" // whatever the column's zone: the text is in UTC
	case "DateTime64":
		to = "DateTime64(" + strconv.Itoa(k.args[0]) + ", 'UTC')"
	}
	return "CAST(" + text + " AS " + to + ")"
}

// compare is a condition on the column and the first value. A value that lies beyond what the column holds,
// such as infinity, is greater or less than all that it holds.
func (k keyValues) compare(operator string, f *features) (string, error) {
	if !k.unfit[0] {
		return quote(k.name) + " " + operator + " " + k.typed(quoteText(k.cells[0])), nil
	}
	var less bool // than all
	switch {
	case k.base == "DateTime" && k.micros(f).holds(k.values.Ints[0]):
		return k.compareCut(operator), nil
	case k.base == "Date" || k.base == "Date32":
		less = k.values.Ints[0] < k.days(f).first
	case (k.base == "DateTime64" || k.base == "DateTime") && !k.micros(f).holds(k.values.Ints[0]):
		less = k.values.Ints[0] < k.micros(f).first
	case k.base == "Decimal" && k.values.Type.Kind == rowset.Decimal && string(k.values.At(0)) == "NaN":
	default:
		return "", chferry.Errorf(chferry.CodeInvalid,
			"a bound of the range is no value that column %q (%s) can hold: bound it by keys of rows that are there",
			k.name, k.column.text)
	}
	if operator == ">" && less || operator == "<" && !less {
		return "1", nil
	}
	return "0", nil
}

// compareCut is [keyValues.compare] with a point in time between two seconds of the column.
func (k keyValues) compareCut(operator string) string {
	if operator == "=" {
		return "0"
	}
	if operator = operator[:1]; operator == "<" {
		operator = "<=" // the second that it is cut to
	}
	second := rowset.Vector{Type: k.values.Type, Ints: []int64{k.values.Ints[0]}}
	second.Ints[0] -= (second.Ints[0]%microsPerSecond + microsPerSecond) % microsPerSecond
	return quote(k.name) + " " + operator + " " + k.typed(quoteText(string(second.AppendText(nil, 0))))
}

// bound is one end of a range.
type bound []keyValues

// boundOf returns nil for an open end.
func boundOf(columns []column, at *rowset.Block, f *features) (bound, error) {
	if at.Rows() == 0 {
		return nil, nil
	}
	b := make(bound, min(len(columns), len(at.Columns)))
	for i := range b {
		var err error
		if b[i], err = keyValuesOf(columns[i], at, f); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// beside holds for the keys that are greater (operator >) or less (<) than the bound; with equal,
// for the bound itself too. The first comparison is repeated in a form that an index can use
// whatever follows.
func (b bound) beside(operator string, equal bool, f *features) (string, error) {
	condition := "0"
	if equal {
		condition = "1"
	}
	for i := len(b) - 1; i >= 0; i-- {
		beyond, err := b[i].compare(operator, f)
		if err != nil {
			return "", err
		}
		same, _ := b[i].compare("=", f)
		switch condition {
		case "0":
			condition = beyond
		case "1":
			condition = "(" + beyond + " OR " + same + ")"
		default:
			condition = "(" + beyond + " OR " + same + " AND " + condition + ")"
		}
		if i == 0 && !b[0].unfit[0] {
			least, _ := b[0].compare(operator+"=", f)
			condition = "(" + least + " AND " + condition + ")"
		}
	}
	return condition, nil
}

// keyList holds for the rows that have one of the keys in rows. Each column's values are one text,
// cut by a byte that no key has, with a letter before each, because not every server gives an empty
// one back.
func keyList(keys []keyValues, rows []int) string {
	var names, values, lists, joined []string
	for i, k := range keys {
		texts := make([]string, len(rows))
		for n, row := range rows {
			texts[n] = "x" + k.cells[row]
		}
		number := strconv.Itoa(i)
		names, values = append(names, quote(k.name)), append(values, k.typed("substring(k"+number+", 2)"))
		lists = append(lists, `splitByChar('\0', `+quoteText(strings.Join(texts, "\x00"))+") AS l"+number)
		joined = append(joined, "l"+number+" AS k"+number)
	}
	return "(" + strings.Join(names, ", ") + ") IN (SELECT " + strings.Join(values, ", ") +
		" FROM (SELECT " + strings.Join(lists, ", ") + ") ARRAY JOIN " + strings.Join(joined, ", ") + ")"
}
