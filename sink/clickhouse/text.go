package clickhouse

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/chferry/chferry"
)

// encodeText converts a vector of any kind that [hasText] to strings.
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
	default:
		// One copy of all, of which the values are parts: the vector may be reused while the block is still on its way.
		all, start := string(v.Data), 0
		for i, end := range v.Ends {
			out.text[i], start = all[start:end], end
		}
	}
	return out
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
