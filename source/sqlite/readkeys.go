package sqlite

import (
	"context"
	"math/big"
	"regexp"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// ReadKeys implements [source.Source], without asking the file: SQLite has a number for what it
// compares with a number, and all other kinds of values are chferry's own, in the notations in
// which they are read when they are stored.
func (s *Source) ReadKeys(_ context.Context, table rowset.Table, keys []chferry.PrimaryKey) ([]source.ReadKey, error) {
	types := table.KeyTypes()
	read := make([]source.ReadKey, len(keys))
	for i, key := range keys {
		read[i] = readKey(types, key)
	}
	return read, nil
}

func readKey(types []rowset.Type, key chferry.PrimaryKey) source.ReadKey {
	read := make(chferry.PrimaryKey, len(key))
	for i, text := range key {
		v := []rowset.Vector{{Type: types[i]}}
		if !rowset.AppendPlainKey(v, chferry.PrimaryKey{text}) && !readKeyText(&v[0], text) {
			return source.ReadKey{Unreadable: i, Cut: isTooExact(types[i].Kind, text)}
		}
		read[i] = keyText(&v[0], 0)
	}
	return source.ReadKey{Key: read}
}

// readKeyText appends the value of a text that not every source reads alike; false if it is none.
func readKeyText(v *rowset.Vector, text string) bool {
	text = strings.Trim(text, " \t\n\v\f\r")
	switch v.Type.Kind {
	case rowset.Bool, rowset.Int64, rowset.Decimal:
		return appendNumber(v, text)
	case rowset.UUID:
		return appendKey(v, text)
	case rowset.Date:
		return readDate(v, text) == ""
	case rowset.Timestamp:
		// What is stored is cut to microseconds; a key with more digits is that of no row.
		if _, ok := parseMoment(text); ok {
			return !rowset.FinerThanMicros(text) && readTimestamp(v, text) == ""
		}
		seconds := rowset.Vector{Type: rowset.Type{Kind: rowset.Int64}}
		return appendNumber(&seconds, text) && readTimestamp(v, seconds.Ints[0]) == ""
	default:
		return false
	}
}

var numberPattern = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$`)

// appendNumber appends the number that SQLite makes of a text when it compares the text with a number.
func appendNumber(v *rowset.Vector, text string) bool {
	const mostBytes = 400 // a number of the greatest precision has less
	if len(text) > mostBytes || !numberPattern.MatchString(text) {
		return false
	}
	n, ok := new(big.Rat).SetString(text)
	return ok && isExact(n, v.Type) && appendKey(v, n.FloatString(v.Type.Scale))
}

// isTooExact reports whether a text that can't be read as a kind is a number with a fraction, a time
// with more digits, or a date with a time.
func isTooExact(kind rowset.TypeKind, text string) bool {
	text = strings.Trim(text, " \t\n\v\f\r")
	switch _, isMoment := parseMoment(text); kind {
	case rowset.Date, rowset.Timestamp:
		return isMoment && (kind == rowset.Date || rowset.FinerThanMicros(text))
	case rowset.Int64, rowset.Decimal:
		return strings.Contains(text, ".") && numberPattern.MatchString(text)
	default:
		return false
	}
}

// isExact tells whether the number has no more digits behind the point than its type.
func isExact(n *big.Rat, t rowset.Type) bool {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.Scale)), nil)
	return new(big.Rat).Mul(n, new(big.Rat).SetInt(scale)).IsInt()
}

// appendKey appends the value of a text in one of the notations of [rowset.AppendPrimaryKey].
func appendKey(v *rowset.Vector, text string) bool {
	one := []rowset.Vector{{Type: v.Type}}
	if rowset.AppendPrimaryKey(one, chferry.PrimaryKey{text}) != nil {
		return false
	}
	v.AppendFrom(&one[0], 0)
	return true
}
