package clickhouse

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/chferry/chferry/rowset"
)

// appendNative appends canonical values of a column as ClickHouse's own client sends them. That
// keeps every bit of a double, reaches the years after 2262 and boxes nothing, all of which the
// driver's own conversion of Go types would not. A column of arrays has, for each dimension from
// the outermost, where its arrays end, and then all elements as one column; a nullable column has
// its null marks before the values. LowCardinality columns have another form: see
// [column.driverTexts].
func (c column) appendNative(dst []byte, v *rowset.Vector) []byte {
	for ; c.dimensions > 0; c.dimensions-- {
		for _, end := range v.Ends {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(end))
		}
		v = v.Elements()
	}
	dst = slices.Grow(dst, c.nativeSize(v))
	if c.nullable {
		dst = appendNullMarks(dst, v)
	}
	switch c.base {
	case "String":
		for i := range v.Ends {
			dst = appendTextAfterLength(dst, v.At(i))
		}
	case "Decimal":
		for i := range v.Ends {
			dst = appendScaled(dst, v.At(i), c.args[0])
		}
	case "UUID":
		for i := range v.Ends {
			dst = appendNativeUUID(dst, v.At(i))
		}
	case "Float32":
		for _, n := range v.Floats {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(n)))
		}
	case "Float64":
		for _, n := range v.Floats {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(n))
		}
	default:
		dst = c.appendInts(dst, v.Ints)
	}
	return dst
}

// nativeSize returns about how many bytes the values take that lie behind the ends of arrays.
func (c column) nativeSize(v *rowset.Vector) int {
	const usualLength = 2 // bytes of the length of a text
	size := v.Len() * c.width()
	if c.base == "String" {
		size = len(v.Data) + v.Len()*usualLength
	}
	if c.nullable {
		size += v.Len()
	}
	return size
}

func appendNullMarks(dst []byte, v *rowset.Vector) []byte {
	marks := len(dst)
	dst = append(dst, make([]byte, v.Len())...)
	for i, null := range v.Null {
		if null {
			dst[marks+i] = 1
		}
	}
	return dst
}

// appendInts appends integers, days, or points in time, these in the column's own unit.
func (c column) appendInts(dst []byte, ints []int64) []byte {
	width := c.width()
	perMicro, perTick := c.units()
	if perMicro == perTick { // both 1
		for _, n := range ints {
			dst = appendInt(dst, n, width)
		}
		return dst
	}
	for _, n := range ints {
		dst = appendInt(dst, n/perTick*perMicro, width)
	}
	return dst
}

func appendTextAfterLength(dst, text []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// width returns the bytes of a value that is no text.
func (c column) width() int {
	if i, ok := integers[c.base]; ok {
		return i.width()
	}
	switch c.base {
	case "Bool":
		return 1
	case "Date":
		return 2
	case "Date32", "DateTime", "Float32":
		return 4
	case "Decimal":
		return decimalWidth(c.args[0])
	case "UUID":
		return 16
	default: // Float64, DateTime64
		return 8
	}
}

// appendInt appends the lowest bytes of an integer.
func appendInt(dst []byte, n int64, width int) []byte {
	switch width {
	case 1:
		return append(dst, byte(n))
	case 2:
		return binary.LittleEndian.AppendUint16(dst, uint16(n))
	case 4:
		return binary.LittleEndian.AppendUint32(dst, uint32(n))
	default:
		return binary.LittleEndian.AppendUint64(dst, uint64(n))
	}
}

// appendNativeUUID writes each half with its last byte first, as ClickHouse does.
func appendNativeUUID(dst, id []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, binary.BigEndian.Uint64(id[:8]))
	return binary.LittleEndian.AppendUint64(dst, binary.BigEndian.Uint64(id[8:]))
}

// driverTexts returns the texts of a LowCardinality column in the form in which the driver finds
// those that are alike: strings, or for a nullable column boxed strings, of which nil is a null.
func (c column) driverTexts(v *rowset.Vector) any {
	text, start := string(v.Data), 0 // one copy, of which the texts are parts
	texts := make([]string, v.Len())
	for i, end := range v.Ends {
		texts[i], start = text[start:end], end
	}
	if !c.nullable || v.Null == nil {
		return texts
	}
	boxed := make([]any, len(texts)) // of pointers the driver would make an entry each
	for i, part := range texts {
		if !v.Null[i] {
			boxed[i] = part
		}
	}
	return boxed
}
