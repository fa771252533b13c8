package sqlite

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/chferry/chferry/rowset"
)

// keyList is keys as a JSON list, which SQLite's json_each makes a table of. A read-only connection
// can't fill a temporary table, a statement has too few parameters for ten thousand keys, and
// running one for each is slower by half.
type keyList struct {
	json  []byte
	owner []int // for each element of the list: the index of the key it is a form of
	forms [][]any
}

// What bounds a list, since a key of several columns has as many forms as their forms can be
// combined: 95 of a UUID and a timestamp.
const (
	maxListForms = 50_000
	maxListBytes = 4 << 20
)

// eachKeyList calls each with lists of all forms of all keys, sorted by the first column so that
// neighbours in an index come together. A list is valid until each returns.
func eachKeyList(keys []rowset.Vector, each func(*keyList) error) error {
	l := &keyList{json: []byte{'['}, forms: make([][]any, len(keys))}
	for _, i := range sorted(&keys[0]) {
		for c := range keys {
			l.forms[c] = appendForms(l.forms[c][:0], &keys[c], i)
		}
		l.add(i, nil)
		if len(l.owner) < maxListForms && len(l.json) < maxListBytes {
			continue
		}
		if err := l.pass(each); err != nil {
			return err
		}
	}
	return l.pass(each)
}

// pass calls each with the list, unless it is empty, and begins another.
func (l *keyList) pass(each func(*keyList) error) error {
	if len(l.owner) == 0 {
		return nil
	}
	l.json = append(l.json, ']')
	err := each(l)
	l.json, l.owner = append(l.json[:0], '['), l.owner[:0]
	return err
}

func sorted(v *rowset.Vector) []int {
	order := make([]int, v.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch v.Type.Kind {
		case rowset.Decimal, rowset.String, rowset.UUID:
			return bytes.Compare(v.At(a), v.At(b))
		default:
			return cmp.Compare(v.Ints[a], v.Ints[b])
		}
	})
	return order
}

// add adds every combination of the columns' forms that begins with those chosen.
func (l *keyList) add(key int, chosen []any) {
	if len(chosen) < len(l.forms) {
		for _, form := range l.forms[len(chosen)] {
			l.add(key, append(chosen, form))
		}
		return
	}
	if len(l.owner) > 0 {
		l.json = append(l.json, ',')
	}
	l.owner = append(l.owner, key)
	if len(chosen) == 1 {
		l.json = appendJSON(l.json, chosen[0])
		return
	}
	for i, form := range chosen {
		l.json = append(l.json, "[,"[min(i, 1)])
		l.json = appendJSON(l.json, form)
	}
	l.json = append(l.json, ']')
}

// blobMark stands before the hexadecimal digits of a blob, which JSON has no form of.
const blobMark = 'x'

func appendJSON(b []byte, form any) []byte {
	switch form := form.(type) {
	case int64:
		return strconv.AppendInt(b, form, 10)
	case number:
		return append(b, form...)
	case []byte:
		b = append(b, '"', blobMark)
		return append(hex.AppendEncode(b, form), '"')
	case string:
		return appendJSONText(b, form)
	default:
		return append(b, "null"...)
	}
}

// appendJSONText appends a text that is UTF-8, as texts of keys are.
func appendJSONText(b []byte, text string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// elementOf returns the SQL expression of a key's column i in a list of keys with so many columns.
func elementOf(typ rowset.Type, i, columns int) string {
	element := "k.value"
	if columns > 1 {
		element += " ->> " + strconv.Itoa(i)
	}
	if typ.Kind != rowset.UUID {
		return element
	}
	// No text of a UUID begins with the mark.
	return "iif(substr(" + element + ", 1, 1) = '" + string(blobMark) + "', unhex(substr(" + element + ", 2)), " +
		element + ")"
}
