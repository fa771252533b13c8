package sqlite

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chferry/chferry/rowset"
)

const (
	secondsPerDay = 24 * 60 * 60
	// The first and the last second that SQLite's own date functions know after the year 0.
	firstSecond, lastSecond = -62167219200, 253402300799
)

// readValue appends a stored value to a vector: an int64, float64, string or []byte, or nil. If the
// value has no form of the vector's type it appends nothing and returns what it is instead.
func readValue(v *rowset.Vector, value any) (what string) {
	if value == nil {
		if !v.Type.Nullable {
			return "a null"
		}
		v.AppendNull()
		return ""
	}
	return valueReaders[v.Type.Kind](v, value)
}

var valueReaders = map[rowset.TypeKind]func(v *rowset.Vector, value any) (what string){
	rowset.Bool: readBool, rowset.Int64: readInt64, rowset.Float64: readFloat64, rowset.Decimal: readDecimal,
	rowset.String: readString, rowset.Bytes: readBytes, rowset.UUID: readUUID, rowset.Date: readDate,
	rowset.Timestamp: readTimestamp,
}

// class names the storage class of a value.
func class(value any) string {
	switch value.(type) {
	case int64:
		return "an integer"
	case float64:
		return "a floating point number"
	case string:
		return "a text"
	default:
		return "a blob"
	}
}

func readBool(v *rowset.Vector, value any) string {
	n, ok := value.(int64)
	switch {
	case !ok:
		return class(value)
	case n != 0 && n != 1:
		return "an integer other than 0 and 1"
	}
	v.AppendInt(n)
	return ""
}

func readInt64(v *rowset.Vector, value any) string {
	n, ok := value.(int64)
	if !ok {
		return class(value)
	}
	v.AppendInt(n)
	return ""
}

func readFloat64(v *rowset.Vector, value any) string {
	f, ok := value.(float64)
	if !ok {
		return class(value)
	}
	v.AppendFloat(f)
	return ""
}

// readDecimal reads a number, which is how SQLite stores every decimal. A floating point number
// must be one by the digits that such numbers keep of a decimal: the sum of 0.1 and 0.2 is 0.30
// with two digits behind the point, but 0.125 has too many.
func readDecimal(v *rowset.Vector, value any) string {
	const tooMany = "a number with more digits than its type"
	var text string
	switch n := value.(type) {
	case int64:
		text = strconv.FormatInt(n, 10)
		if v.Type.Scale > 0 {
			text += "." + strings.Repeat("0", v.Type.Scale)
		}
	case float64:
		if math.IsInf(n, 0) {
			return "infinity"
		}
		text = decimalText(n, v.Type.Scale)
		rounded, err := strconv.ParseFloat(text, 64)
		digits := func(f float64) string { return strconv.FormatFloat(f, 'e', keyPrecision-1, 64) }
		if err != nil || digits(rounded) != digits(n) {
			return tooMany
		}
		if rounded == 0 {
			text = strings.TrimPrefix(text, "-")
		}
	default:
		return class(value)
	}
	whole, _, _ := strings.Cut(strings.TrimLeft(text, "-0"), ".")
	if len(whole) > v.Type.Precision-v.Type.Scale {
		return tooMany
	}
	v.AppendData([]byte(text))
	return ""
}

// decimalText writes a number with so many digits behind the point: the shortest text that stands
// for it, filled up with zeros. What a floating point number is beyond that says nothing of the
// decimal that was stored.
func decimalText(n float64, scale int) string {
	text := strconv.FormatFloat(n, 'f', -1, 64)
	_, behind, _ := strings.Cut(text, ".")
	switch {
	case len(behind) > scale:
		return strconv.FormatFloat(n, 'f', scale, 64)
	case scale == 0:
		return text
	case behind == "":
		text += "."
	}
	return text + strings.Repeat("0", scale-len(behind))
}

// readString also reads numbers, which columns hold whose type is none of SQLite's text types.
func readString(v *rowset.Vector, value any) string {
	switch value := value.(type) {
	case string:
		v.AppendData([]byte(value))
	case int64:
		v.AppendData(strconv.AppendInt(nil, value, 10))
	case float64:
		v.AppendData(strconv.AppendFloat(nil, value, 'g', -1, 64))
	default:
		return class(value)
	}
	return ""
}

// readBytes also reads a text, in UTF-8: many a program stores bytes as text.
func readBytes(v *rowset.Vector, value any) string {
	switch value := value.(type) {
	case []byte:
		v.AppendData(value)
	case string:
		v.AppendData([]byte(value))
	default:
		return class(value)
	}
	return ""
}

func readUUID(v *rowset.Vector, value any) string {
	const size = 16
	switch value := value.(type) {
	case []byte:
		if len(value) != size {
			return "a blob that has not 16 bytes"
		}
		v.AppendData(value)
	case string:
		id, err := hex.DecodeString(strings.ReplaceAll(value, "-", ""))
		if err != nil || len(id) != size {
			return "a text that is no UUID"
		}
		v.AppendData(id)
	default:
		return class(value)
	}
	return ""
}

// readDate also reads the midnight that a date begins with.
func readDate(v *rowset.Vector, value any) string {
	text, ok := value.(string)
	if !ok {
		return class(value)
	}
	m, ok := parseMoment(text)
	switch {
	case !ok:
		return "a text that is no date"
	case !m.clock.Equal(m.clock.Truncate(24 * time.Hour)):
		return "a date with a time"
	}
	v.AppendInt(m.clock.Unix() / secondsPerDay)
	return ""
}

// readTimestamp reads a text, without a zone as UTC, and whole seconds since 1970, as SQLite's function unixepoch gives
// them. Milliseconds are mostly beyond the last year and so not mistaken for seconds. A floating point number may be a
// Julian day or seconds, and so is neither.
func readTimestamp(v *rowset.Vector, value any) string {
	switch value := value.(type) {
	case int64:
		if value < firstSecond || value > lastSecond {
			return "an integer that is no time in seconds"
		}
		v.AppendInt(value * 1_000_000)
	case string:
		m, ok := parseMoment(value)
		if !ok {
			return "a text that is no timestamp"
		}
		v.AppendInt(m.utc().UnixMicro())
	default:
		return class(value)
	}
	return ""
}
