package chferry

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// AppendPrimaryKey reads pk as values of the vectors' types and appends one value to each vector, so that keys are compared as
// the source compares them: "01" and "1" are one integer. A key that can't be read as these types gives [CodeInvalid],
// without the key in its text, and leaves the vectors as they were.
func AppendPrimaryKey(keys []Vector, pk PrimaryKey) error {
	if len(pk) != len(keys) || len(keys) == 0 {
		return Errorf(CodeInvalid, "the primary key has %d values, the operation %d", len(keys), len(pk))
	}
	rows := keys[0].Len()
	for i := range keys {
		if !keys[i].appendText(pk[i]) {
			for j := range keys[:i] {
				keys[j].Truncate(rows)
			}
			return Errorf(CodeInvalid, "value %d of the primary key can't be read as %s", i+1, keys[i].Type.Kind)
		}
	}
	return nil
}

// CanBeKey tells whether primary keys of this kind are supported: their text can be read without asking the source.
func (k TypeKind) CanBeKey() bool {
	switch k {
	case Bool, Int16, Int32, Int64, Uint8, Uint64, Decimal, String, Enum, UUID, Date, Timestamp:
		return true
	default:
		return false
	}
}

// appendText appends the value that text stands for; false if it stands for none.
func (v *Vector) appendText(text string) bool {
	if v.Type.Kind == String || v.Type.Kind == Enum {
		// No text column of any source holds these.
		if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
			return false
		}
		v.AppendData([]byte(text))
		return true
	}
	return v.appendTrimmed(strings.TrimSpace(text))
}

func (v *Vector) appendTrimmed(text string) bool {
	switch v.Type.Kind {
	case Bool:
		return v.appendParsed(parseBool(text))
	case Int16:
		return v.appendParsed(parseInt(text, 16))
	case Int32:
		return v.appendParsed(parseInt(text, 32))
	case Int64:
		return v.appendParsed(parseInt(text, 64))
	case Uint8:
		return v.appendParsed(parseUint(text, 8))
	case Uint64:
		return v.appendParsed(parseUint(text, 64))
	case Date:
		return v.appendParsed(parseDate(text))
	case Timestamp:
		return v.appendParsed(parseTimestamp(text))
	case UUID:
		return v.appendParsedData(parseUUID(text))
	case Decimal:
		return v.appendParsedData(parseDecimal(text, v.Type))
	default:
		return false
	}
}

func (v *Vector) appendParsed(n int64, ok bool) bool {
	if ok {
		v.AppendInt(n)
	}
	return ok
}

func (v *Vector) appendParsedData(b []byte, ok bool) bool {
	if ok {
		v.AppendData(b)
	}
	return ok
}

func parseBool(text string) (int64, bool) {
	switch strings.ToLower(text) {
	case "t", "true", "y", "yes", "on", "1":
		return 1, true
	case "f", "false", "n", "no", "off", "0":
		return 0, true
	default:
		return 0, false
	}
}

func parseInt(text string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, bits)
	return n, err == nil
}

func parseUint(text string, bits int) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, bits)
	return int64(n), err == nil
}

func parseDate(text string) (int64, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t.Unix() / (24 * 60 * 60), err == nil
}

// The notations in which PostgreSQL and RFC 3339 write a point in time; without a zone it is UTC.
var timestampLayouts = []string{
	"2006-01-02 15:04:05.999999Z07", "2006-01-02 15:04:05.999999Z07:00",
	"2006-01-02T15:04:05.999999Z07", "2006-01-02T15:04:05.999999Z07:00",
	"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999", time.DateOnly,
}

func parseTimestamp(text string) (int64, bool) {
	for _, layout := range timestampLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Nanosecond()%1000 == 0 {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

func parseUUID(text string) ([]byte, bool) {
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		text = text[1 : len(text)-1]
	}
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	return b, err == nil && len(b) == 16
}

// parseDecimal returns the number with exactly the type's scale, the form in which the source gives it.
func parseDecimal(text string, t Type) ([]byte, bool) {
	negative := strings.HasPrefix(text, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	if len(text)-len(strings.TrimLeft(text, "+-")) > 1 || whole+fraction == "" || !digits(whole) || !digits(fraction) {
		return nil, false
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if len(fraction) > t.Scale || len(whole) > t.Precision-t.Scale {
		return nil, false
	}
	fraction += strings.Repeat("0", t.Scale-len(fraction))
	var b bytes.Buffer
	if negative && strings.Trim(whole+fraction, "0") != "" {
		b.WriteByte('-')
	}
	if whole == "" {
		whole = "0"
	}
	b.WriteString(whole)
	if t.Scale > 0 {
		b.WriteString("." + fraction)
	}
	return b.Bytes(), true
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
