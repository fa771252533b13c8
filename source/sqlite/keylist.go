package sqlite

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/chferry/chferry"
)

// keyList is keys as a JSON list, which SQLite's json_each makes a table of. A read-only connection can't fill a
// temporary table, a statement has too few parameters for ten thousand keys, and running one for each is slower by half.
type keyList struct {
	json  []byte
	owner []int // for each element of the list: the index of the key it is a form of
	forms [][]any
}

// newKeyList lists all forms of all keys, sorted by the first column so that neighbours in an index come together.
func newKeyList(keys []chferry.Vector) *keyList {
	l := &keyList{json: []byte{'['}, forms: make([][]any, len(keys))}
	for _, i := range sorted(&keys[0]) {
		for c := range keys {
			l.forms[c] = appendForms(l.forms[c][:0], &keys[c], i)
		}
		l.add(i, nil)
	}
	l.json = append(l.json, ']')
	return l
}

func sorted(v *chferry.Vector) []int {
	order := make([]int, v.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch v.Type.Kind {
		case chferry.Decimal, chferry.String, chferry.UUID:
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
func elementOf(typ chferry.Type, i, columns int) string {
	element := "k.value"
	if columns > 1 {
		element += " ->> " + strconv.Itoa(i)
	}
	if typ.Kind != chferry.UUID {
		return element
	}
	// No text of a UUID begins with the mark.
	return "iif(substr(" + element + ", 1, 1) = '" + string(blobMark) + "', unhex(substr(" + element + ", 2)), " + element + ")"
}
