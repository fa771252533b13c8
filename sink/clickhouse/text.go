package clickhouse

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chferry/chferry"
)

// encodeText converts a vector of any kind but arrays to strings.
func (c column) encodeText(v *chferry.Vector) cells {
	out := cells{text: make([]string, v.Len())}
	if c.nullable {
		out.null = v.Null
	}
	switch v.Type.Kind {
	case chferry.UUID:
		for i := range out.text {
			out.text[i] = uuidText(v.At(i))
		}
	case chferry.Date:
		for i, n := range v.Ints {
			out.text[i] = timeText(n, time.DateOnly, func(n int64) time.Time { return time.Unix(n*secondsPerDay, 0) })
		}
	case chferry.Timestamp:
		for i, n := range v.Ints {
			out.text[i] = timeText(n, "2006-01-02 15:04:05.999999", time.UnixMicro)
		}
	case chferry.Bool, chferry.Int16, chferry.Int32, chferry.Int64, chferry.Uint8, chferry.Uint64, chferry.Float32, chferry.Float64:
		for i := range out.text {
			out.text[i] = numberText(v, i)
		}
	default:
		// One copy of all, of which the values are parts: the vector may be reused while the block is still on its way.
		all, start := string(v.Data), 0
		for i, end := range v.Ends {
			out.text[i], start = all[start:end], end
		}
	}
	return out
}

// numberText writes a number with as few digits as tell it from its neighbours, and what is no number as PostgreSQL does.
func numberText(v *chferry.Vector, i int) string {
	switch v.Type.Kind {
	case chferry.Bool:
		return strconv.FormatBool(v.Ints[i] == 1)
	case chferry.Uint64:
		return strconv.FormatUint(uint64(v.Ints[i]), 10)
	case chferry.Float32:
		return floatText(v.Floats[i], 32)
	case chferry.Float64:
		return floatText(v.Floats[i], 64)
	default:
		return strconv.FormatInt(v.Ints[i], 10)
	}
}

func floatText(n float64, bits int) string {
	switch {
	case math.IsInf(n, 1):
		return "Infinity"
	case math.IsInf(n, -1):
		return "-Infinity"
	default:
		return strconv.FormatFloat(n, 'g', -1, bits)
	}
}

func uuidText(id []byte) string {
	b := make([]byte, 0, 36)
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}

// timeText writes a point in time as PostgreSQL does: with BC for years before the first, and infinity for what lies
// beyond all of them.
func timeText(n int64, layout string, at func(int64) time.Time) string {
	switch n {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	}
	t := at(n).UTC()
	if year := t.Year(); year < 1 { // there is no year 0: the one before 1 is 1 BC
		return fmt.Sprintf("%04d", 1-year) + t.Format(strings.TrimPrefix(layout, "2006")) + " BC"
	}
	return t.Format(layout)
}
