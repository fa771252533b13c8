package postgres

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/chferry/chferry/rowset"
)

// PostgreSQL rounds or cuts a text to fit a column: 10:00:00.4 is 10:00:00 in a time(0), and abcd is abc in a
// varchar(3). As a key, the text would name another row than was meant, or compared without being cut, none. So a text
// is read as the column's type without its parameter, and is no key if it is another value with the parameter.

// maxNameBytes is NAMEDATALEN-1 in PostgreSQL, which cuts longer names.
const maxNameBytes = 63

// limits returns what the column has room for, as far as that can be told from a text alone.
func (a attribute) limits() rowset.Limits {
	const header, digitsOfMicros = 4, 6 // of the modifier, before the length; of a timestamp
	switch {
	case a.oid == pgtype.NameOID:
		return rowset.Limits{Bytes: maxNameBytes}
	case a.oid == pgtype.VarcharOID && a.modifier > header:
		return rowset.Limits{Characters: int(a.modifier) - header}
	case (a.oid == pgtype.TimestampOID || a.oid == pgtype.TimestamptzOID) && a.modifier >= 0:
		return rowset.Limits{DroppedDigits: digitsOfMicros - int(a.modifier)}
	case a.Type.Kind == rowset.Decimal:
		return rowset.Limits{AskAlways: a.isOddNumeric()}
	default:
		return rowset.Limits{}
	}
}

// isOddNumeric reports whether the column is a numeric(p, s) whose scale is negative or greater than its precision: the
// decimal that it is to chferry has more digits.
func (a attribute) isOddNumeric() bool {
	precision, scale := numericModifier(a.modifier)
	return scale < 0 || scale > precision
}

// readText is the expression for what the server writes of the text k.t, read as a value of the column; null if the
// column would round or cut it.
func readText(c rowset.Column) string {
	typ := keyType(c)
	text := canonical(c, "k.t::"+typ)
	value, kept := "k.t::"+typ, "k.t::"+c.SourceType
	switch {
	case isChar(c) && !unbounded(c):
		text = kept // with its blanks
	case typ == "date":
		// A date drops the time of a day. There are dates beyond all timestamps.
		return "CASE WHEN k.t::date > '294276-12-31' THEN k.t::date WHEN k.t::date = k.t::timestamp THEN k.t::date END"
	case c.SourceType == "name":
		value = "k.t"
	case c.SourceType == typ:
		return text
	case typ == "interval":
		// Of a canonical interval the same is cut as of a stored one, but for days that make months.
		value, kept = text+"::interval", text+"::"+c.SourceType
	case withoutParameter(c.SourceType) == c.SourceType:
		return text
	}
	return "CASE WHEN " + value + " = " + kept + " THEN " + text + " END"
}

// tooFine reports whether a text has a time with more digits than PostgreSQL's times have, or dates with times for a
// range of dates.
func tooFine(c rowset.Column, text string) bool {
	return hasTime(c) && (rowset.FinerThanMicros(text) || keyType(c) == "daterange" && strings.Contains(text, ":"))
}

// hasTime reports whether a column holds dates or times, ranges of these, or intervals.
func hasTime(c rowset.Column) bool {
	name := keyType(c)
	return c.Type.Kind != rowset.Enum && slices.ContainsFunc([]string{"date", "time", "ts", "interval"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
