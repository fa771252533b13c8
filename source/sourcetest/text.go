package sourcetest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chferry/chferry/rowset"
)

// rowText returns row r of a block in the notation of [Bundle.Literal].
func rowText(b *rowset.Block, r int) []string {
	texts := make([]string, len(b.Vectors))
	for c := range b.Vectors {
		texts[c] = Text(&b.Vectors[c], r)
	}
	return texts
}

// Text returns value i of a vector as a text: numbers and times in their usual notation, bytes as they are, an
// array in brackets, a null as something that is no value.
func Text(v *rowset.Vector, i int) string {
	if v.IsNull(i) {
		return null
	}
	switch v.Type.Kind {
	case rowset.Bool:
		return strconv.FormatBool(v.Ints[i] == 1)
	case rowset.Uint64:
		return strconv.FormatUint(uint64(v.Ints[i]), 10)
	case rowset.Float32:
		return strconv.FormatFloat(v.Floats[i], 'g', -1, 32)
	case rowset.Float64:
		return strconv.FormatFloat(v.Floats[i], 'g', -1, 64)
	case rowset.UUID:
		b := v.At(i)
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	case rowset.Date:
		return timeText(v.Ints[i], time.DateOnly, func(days int64) time.Time { return time.Unix(days*24*60*60, 0) })
	case rowset.Timestamp:
		return timeText(v.Ints[i], "2006-01-02 15:04:05.999999", time.UnixMicro)
	case rowset.Array:
		var elements []string
		for start, end := v.Span(i); start < end; start++ {
			elements = append(elements, Text(v.Elements(), start))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case rowset.String, rowset.Enum, rowset.Bytes, rowset.Decimal:
		return string(v.At(i))
	default:
		return strconv.FormatInt(v.Ints[i], 10)
	}
}

func timeText(n int64, layout string, of func(int64) time.Time) string {
	switch n {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	case rowset.Uncountable:
		return "uncountable"
	default:
		return of(n).UTC().Format(layout)
	}
}
