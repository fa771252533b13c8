package postgres

import (
	"encoding/binary"
	"math"

	"github.com/chferry/chferry/rowset"
)

// valueReader appends a value as it came over the wire to a vector; false if it has not the form of its kind. Numbers,
// times and the like come in binary, what is text in the end comes as text.
type valueReader struct {
	format int16
	read   func(v *rowset.Vector, b []byte) bool
	// unfit, where there is one, is asked first. It says of a value that its column can't hold what
	// kind of value it is.
	unfit func(b []byte) string
}

func readerOf(c rowset.Column) valueReader {
	if c.Type.Kind == rowset.Array {
		return arrayReader(c)
	}
	return valueReaders[c.Type.Kind]
}

var valueReaders = map[rowset.TypeKind]valueReader{
	rowset.Bool:      {format: binaryFormat, read: readBool},
	rowset.Int16:     {format: binaryFormat, read: readInt16},
	rowset.Int32:     {format: binaryFormat, read: readInt32},
	rowset.Int64:     {format: binaryFormat, read: readInt64},
	rowset.Float32:   {format: binaryFormat, read: readFloat32},
	rowset.Float64:   {format: binaryFormat, read: readFloat64},
	rowset.Decimal:   {format: textFormat, read: readData},
	rowset.Enum:      {format: textFormat, read: readData},
	rowset.String:    {format: textFormat, read: readData},
	rowset.Bytes:     {format: binaryFormat, read: readData},
	rowset.UUID:      {format: binaryFormat, read: readUUID},
	rowset.Date:      {format: binaryFormat, read: readDate},
	rowset.Timestamp: {format: binaryFormat, read: readTimestamp},
}

func int16At(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) }
func int32At(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) }
func int64At(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

func readBool(v *rowset.Vector, b []byte) bool {
	if len(b) != 1 {
		return false
	}
	v.AppendInt(int64(b[0]))
	return true
}

func readInt16(v *rowset.Vector, b []byte) bool {
	if len(b) != 2 {
		return false
	}
	v.AppendInt(int64(int16At(b)))
	return true
}

func readInt32(v *rowset.Vector, b []byte) bool {
	if len(b) != 4 {
		return false
	}
	v.AppendInt(int64(int32At(b)))
	return true
}

// readInt64 also reads an oid, which is an unsigned number of 32 bits.
func readInt64(v *rowset.Vector, b []byte) bool {
	switch len(b) {
	case 8:
		v.AppendInt(int64At(b))
	case 4:
		v.AppendInt(int64(binary.BigEndian.Uint32(b)))
	default:
		return false
	}
	return true
}

func readFloat32(v *rowset.Vector, b []byte) bool {
	if len(b) != 4 {
		return false
	}
	v.AppendFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	return true
}

func readFloat64(v *rowset.Vector, b []byte) bool {
	if len(b) != 8 {
		return false
	}
	v.AppendFloat(math.Float64frombits(binary.BigEndian.Uint64(b)))
	return true
}

func readData(v *rowset.Vector, b []byte) bool {
	v.AppendData(b)
	return true
}

func readUUID(v *rowset.Vector, b []byte) bool {
	if len(b) != 16 {
		return false
	}
	v.AppendData(b)
	return true
}

func readDate(v *rowset.Vector, b []byte) bool {
	if len(b) != 4 {
		return false
	}
	v.AppendInt(daysFromWire(int32At(b)))
	return true
}

func readTimestamp(v *rowset.Vector, b []byte) bool {
	if len(b) != 8 {
		return false
	}
	v.AppendInt(microsFromWire(int64At(b)))
	return true
}

// uncountable keeps out of a key what is told apart from its neighbours by nothing but its text.
func uncountable(b []byte) string {
	if len(b) == 8 && microsFromWire(int64At(b)) == rowset.Uncountable {
		return rowset.UncountableTimestamp
	}
	return ""
}

// reserve makes room for n values, so that vectors grow at most by their texts.
func reserve(v *rowset.Vector, n int) {
	switch v.Type.Kind {
	case rowset.Float32, rowset.Float64:
		v.Floats = make([]float64, 0, n)
	case rowset.Decimal, rowset.String, rowset.Enum, rowset.Bytes, rowset.UUID, rowset.Array:
		v.Ends = make([]int, 0, n)
	default:
		v.Ints = make([]int64, 0, n)
	}
	if v.Type.Nullable && v.Type.Kind != rowset.Array {
		v.Null = make([]bool, 0, n)
	}
}
