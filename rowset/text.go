package rowset

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// KeyText returns a value of a primary key as a text that [AppendPrimaryKey] reads as the same value.
func (v *Vector) KeyText(i int) string {
	if v.Type.Kind == Bytes {
		return `\x` + hex.EncodeToString(v.At(i))
	}
	return string(v.AppendText(nil, i))
}

// AppendText appends the text of a value of any kind but arrays: of a text or of bytes the value
// itself, of any other what PostgreSQL writes in its style ISO and in UTC. A null has the text of
// the zero value.
func (v *Vector) AppendText(dst []byte, i int) []byte {
	switch v.Type.Kind {
	case String, Enum, Bytes, Decimal:
		return append(dst, v.At(i)...)
	case UUID:
		return appendUUID(dst, v.At(i))
	case Date:
		return appendTime(dst, v.Ints[i], time.DateOnly,
			func(n int64) time.Time { return time.Unix(n*secondsPerDay, 0) })
	case Timestamp:
		return appendTime(dst, v.Ints[i], "2006-01-02 15:04:05.999999", time.UnixMicro)
	default:
		return v.AppendNumber(dst, i)
	}
}

// AppendNumber appends a number with as few digits as tell it from its neighbours, and what is no
// number as PostgreSQL does.
func (v *Vector) AppendNumber(dst []byte, i int) []byte {
	switch v.Type.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.Ints[i] == 1)
	case Uint64:
		return strconv.AppendUint(dst, uint64(v.Ints[i]), 10)
	case Float32:
		return appendFloat(dst, v.Floats[i], 32)
	case Float64:
		return appendFloat(dst, v.Floats[i], 64)
	default:
		return strconv.AppendInt(dst, v.Ints[i], 10)
	}
}

func appendFloat(dst []byte, n float64, bits int) []byte {
	switch {
	case math.IsInf(n, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(n, -1):
		return append(dst, "-Infinity"...)
	default:
		return strconv.AppendFloat(dst, n, 'g', -1, bits)
	}
}

func appendUUID(dst, id []byte) []byte {
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// appendTime writes a point in time as PostgreSQL does: with BC for years before the first, and infinity for what lies
// beyond all of them.
func appendTime(dst []byte, n int64, layout string, at func(int64) time.Time) []byte {
	switch n {
	case math.MaxInt64:
		return append(dst, "infinity"...)
	case math.MinInt64:
		return append(dst, "-infinity"...)
	}
	t := at(n).UTC()
	if year := t.Year(); year < 1 { // there is no year 0: the one before 1 is 1 BC
		dst = fmt.Appendf(dst, "%04d", 1-year)
		return append(t.AppendFormat(dst, strings.TrimPrefix(layout, "2006")), " BC"...)
	}
	return t.AppendFormat(dst, layout)
}
