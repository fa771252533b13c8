package clickhouse

import (
	"encoding/binary"
	"math"

	"github.com/chferry/chferry/rowset"
)

// appendRow appends a row as the server's formatRow('RowBinary', …) writes it, with the columns in
// the block's order, so that hashes of rows can be compared with the server's.
func (b *canonicalBlock) appendRow(dst []byte, row int) []byte {
	for i := range b.forms {
		dst = b.forms[i].append(dst, &b.Vectors[i], row)
	}
	return dst
}

// rowBinary writes canonical values of one column in the form RowBinary: a null mark before a value
// of a nullable column, and no value after the mark of a null; the length before a text or an array.
// A LowCardinality column is written like its values.
type rowBinary struct {
	nullable          bool
	width, precision  int
	perMicro, perTick int64 // see [column.units]
}

func newRowBinary(c column) rowBinary {
	form := rowBinary{nullable: c.nullable, width: c.width()}
	form.perMicro, form.perTick = c.units()
	if c.base == "Decimal" {
		form.precision = c.args[0]
	}
	return form
}

func (r *rowBinary) append(dst []byte, v *rowset.Vector, i int) []byte {
	if v.Type.Kind != rowset.Array {
		return r.appendValue(dst, v, i)
	}
	first, last := v.Span(i)
	dst = binary.AppendUvarint(dst, uint64(last-first))
	for elements := v.Elements(); first < last; first++ {
		dst = r.append(dst, elements, first)
	}
	return dst
}

func (r *rowBinary) appendValue(dst []byte, v *rowset.Vector, i int) []byte {
	switch null := v.IsNull(i); {
	case r.nullable && null:
		return append(dst, 1)
	case r.nullable:
		dst = append(dst, 0)
	}
	switch v.Type.Kind {
	case rowset.String:
		return appendTextAfterLength(dst, v.At(i))
	case rowset.Decimal:
		return appendScaled(dst, v.At(i), r.precision)
	case rowset.UUID:
		return appendNativeUUID(dst, v.At(i))
	case rowset.Float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.Floats[i])))
	case rowset.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Floats[i]))
	default:
		return appendInt(dst, v.Ints[i]/r.perTick*r.perMicro, r.width)
	}
}
