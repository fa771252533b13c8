package clickhouse

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chferry/chferry/rowset"
)

// encodeText converts a vector of any kind but arrays to texts, each after its length. A dictionary's are left to the driver,
// which finds those that are alike.
func (c column) encodeText(v *rowset.Vector) cells {
	if c.dictionary {
		return c.encodeDictionary(v)
	}
	const usualLength = 1 // bytes of the length of a text
	out := c.startWire(v, len(v.Data)/max(1, v.Len())+usualLength+1)
	var buf []byte
	for i := range v.Len() {
		text := textOf(v, i, &buf)
		out = append(binary.AppendUvarint(out, uint64(len(text))), text...)
	}
	return cells{wire: out}
}

func (c column) encodeDictionary(v *rowset.Vector) cells {
	out := cells{dictionary: make([]string, v.Len())}
	if c.nullable {
		out.null = v.Null
	}
	var all, buf []byte
	ends := make([]int, v.Len())
	for i := range ends {
		all = append(all, textOf(v, i, &buf)...)
		ends[i] = len(all)
	}
	// One copy of all, of which the texts are parts.
	text, start := string(all), 0
	for i, end := range ends {
		out.dictionary[i], start = text[start:end], end
	}
	return out
}

// textOf returns the text of a value, which is valid until buf is used again.
func textOf(v *rowset.Vector, i int, buf *[]byte) []byte {
	dst := (*buf)[:0]
	switch v.Type.Kind {
	case rowset.UUID:
		dst = appendUUID(dst, v.At(i))
	case rowset.Date:
		dst = appendTime(dst, v.Ints[i], time.DateOnly, func(n int64) time.Time { return time.Unix(n*secondsPerDay, 0) })
	case rowset.Timestamp:
		dst = appendTime(dst, v.Ints[i], "2006-01-02 15:04:05.999999", time.UnixMicro)
	case rowset.Bool, rowset.Int16, rowset.Int32, rowset.Int64, rowset.Uint8, rowset.Uint64, rowset.Float32, rowset.Float64:
		dst = appendNumber(dst, v, i)
	default:
		return v.At(i)
	}
	*buf = dst
	return dst
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
