package clickhouse

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chferry/chferry/rowset"
)

// texts writes values of kinds that are no texts.
func (c *converter) texts() {
	switch c.from.Type.Kind {
	case rowset.String, rowset.Enum, rowset.Bytes, rowset.Decimal:
		return
	}
	out := rowset.Vector{Type: c.values.Type, Null: c.from.Null, Ends: make([]int, c.from.Len())}
	for i := range out.Ends {
		if !c.from.IsNull(i) {
			out.Data = appendText(out.Data, c.from, i)
		}
		out.Ends[i] = len(out.Data)
	}
	c.values = out
}

// appendText writes a value of any kind but arrays.
func appendText(dst []byte, v *rowset.Vector, i int) []byte {
	switch v.Type.Kind {
	case rowset.String, rowset.Enum, rowset.Bytes, rowset.Decimal:
		return append(dst, v.At(i)...)
	case rowset.UUID:
		return appendUUID(dst, v.At(i))
	case rowset.Date:
		return appendTime(dst, v.Ints[i], time.DateOnly, func(n int64) time.Time { return time.Unix(n*secondsPerDay, 0) })
	case rowset.Timestamp:
		return appendTime(dst, v.Ints[i], "2006-01-02 15:04:05.999999", time.UnixMicro)
	default:
		return appendNumber(dst, v, i)
	}
}

// appendNumber writes a number with as few digits as tell it from its neighbours, and what is no number as PostgreSQL does.
func appendNumber(dst []byte, v *rowset.Vector, i int) []byte {
	switch v.Type.Kind {
	case rowset.Bool:
		return strconv.AppendBool(dst, v.Ints[i] == 1)
	case rowset.Uint64:
		return strconv.AppendUint(dst, uint64(v.Ints[i]), 10)
	case rowset.Float32:
		return appendFloat(dst, v.Floats[i], 32)
	case rowset.Float64:
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
