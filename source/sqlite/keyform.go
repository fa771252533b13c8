package sqlite

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chferry/chferry/rowset"
)

// number is a decimal, which SQLite compares as a number.
type number string

// appendForms appends the forms in which value i of a key may be stored, so that an index finds it:
// an int64, number, string or []byte each. A row whose key is stored in another form is not found,
// and so is named by no primary key either.
func appendForms(forms []any, v *rowset.Vector, i int) []any {
	switch v.Type.Kind {
	case rowset.Decimal:
		return append(forms, number(v.At(i)))
	case rowset.String:
		return append(forms, string(v.At(i)))
	case rowset.UUID:
		return appendUUIDForms(forms, v.At(i))
	case rowset.Date:
		return append(forms, dateText(v.Ints[i]))
	case rowset.Timestamp:
		return appendTimestampForms(forms, v.Ints[i])
	default:
		return append(forms, v.Ints[i])
	}
}

// How many forms a key may have. Each is looked up for each key, so that a key with more could not be read in time.
const maxForms = 2_000

// formsOf returns how many forms a value of a kind has at most.
func formsOf(kind rowset.TypeKind) int {
	switch kind {
	case rowset.UUID:
		return 5
	case rowset.Timestamp:
		return 19
	default:
		return 1
	}
}

// appendUUIDForms appends the bytes, and the text with and without hyphens in both cases.
func appendUUIDForms(forms []any, id []byte) []any {
	plain := hex.EncodeToString(id)
	for _, text := range []string{uuidText(id), plain, strings.ToUpper(uuidText(id)), strings.ToUpper(plain)} {
		if !slices.Contains(forms, any(text)) { // a UUID without letters
			forms = append(forms, text)
		}
	}
	return append(forms, bytes.Clone(id))
}

// appendTimestampForms appends the text with as many digits behind the point as are needed, and
// with 3 and with 6 of them if that is more; each with a space or a T and with no zone, a Z or
// +00:00; and the seconds, if they are whole.
func appendTimestampForms(forms []any, micros int64) []any {
	const perSecond = 1_000_000
	t := time.UnixMicro(micros).UTC()
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05"} {
		for _, fraction := range fractions(t) {
			for _, zone := range []string{"", "Z", "+00:00"} {
				forms = append(forms, t.Format(layout)+fraction+zone)
			}
		}
	}
	if micros%perSecond == 0 {
		forms = append(forms, micros/perSecond)
	}
	return forms
}

func fractions(t time.Time) []string {
	sixDigits := fmt.Sprintf(".%06d", t.Nanosecond()/1000)
	needed := strings.TrimRight(strings.TrimRight(sixDigits, "0"), ".")
	list := []string{needed}
	for _, digits := range []int{3, 6} {
		if 1+digits > len(needed) {
			list = append(list, sixDigits[:1+digits])
		}
	}
	return list
}

// isForm tells whether a stored value is a form of value i.
func isForm(v *rowset.Vector, i int, stored any) bool {
	return slices.ContainsFunc(appendForms(nil, v, i), func(form any) bool {
		switch form := form.(type) {
		case []byte:
			blob, ok := stored.([]byte)
			return ok && bytes.Equal(form, blob)
		case number:
			f, err := strconv.ParseFloat(string(form), 64)
			n, whole := stored.(int64)
			return err == nil && (stored == any(f) || whole && float64(n) == f)
		case int64:
			return stored == any(form)
		default:
			text, ok := stored.(string)
			return ok && text == form
		}
	})
}

// keyText returns value i as [rowset.AppendPrimaryKey] reads it.
func keyText(v *rowset.Vector, i int) string {
	switch v.Type.Kind {
	case rowset.Bool:
		return strconv.FormatBool(v.Ints[i] == 1)
	case rowset.Decimal, rowset.String:
		return string(v.At(i))
	case rowset.UUID:
		return uuidText(v.At(i))
	case rowset.Date:
		return dateText(v.Ints[i])
	case rowset.Timestamp:
		return time.UnixMicro(v.Ints[i]).UTC().Format("2006-01-02 15:04:05.999999")
	default:
		return strconv.FormatInt(v.Ints[i], 10)
	}
}

func uuidText(id []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func dateText(days int64) string {
	return time.Unix(days*secondsPerDay, 0).UTC().Format(time.DateOnly)
}
