package postgres

import (
	"encoding/binary"
	"math"

	"github.com/chferry/chferry"
)

// valueReader appends a value as it came over the wire to a vector; false if it has not the form of its kind. Numbers,
// times and the like come in binary, what is text in the end comes as text.
type valueReader struct {
	format int16
	read   func(v *chferry.Vector, b []byte) bool
	// unfit, where there is one, is asked first. It says of a value that its column can't hold what kind of value it is.
	unfit func(b []byte) string
}

func readerOf(t chferry.Type) valueReader {
	if t.Kind == chferry.Array {
		return arrayReader(t)
	}
	return valueReaders[t.Kind]
}

var valueReaders = map[chferry.TypeKind]valueReader{
	chferry.Bool:      {format: binaryFormat, read: readBool},
	chferry.Int16:     {format: binaryFormat, read: readInt16},
	chferry.Int32:     {format: binaryFormat, read: readInt32},
	chferry.Int64:     {format: binaryFormat, read: readInt64},
	chferry.Float32:   {format: binaryFormat, read: readFloat32},
	chferry.Float64:   {format: binaryFormat, read: readFloat64},
	chferry.Decimal:   {format: textFormat, read: readData},
	chferry.Enum:      {format: textFormat, read: readData},
	chferry.String:    {format: textFormat, read: readData},
	chferry.Bytes:     {format: binaryFormat, read: readData},
	chferry.UUID:      {format: binaryFormat, read: readUUID},
	chferry.Date:      {format: binaryFormat, read: readDate},
	chferry.Timestamp: {format: binaryFormat, read: readTimestamp},
}

func int16At(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) }
func int32At(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) }
func int64At(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

func readBool(v *chferry.Vector, b []byte) bool {
	if len(b) != 1 {
		return false
	}
	v.AppendInt(int64(b[0]))
	return true
}

func readInt16(v *chferry.Vector, b []byte) bool {
	if len(b) != 2 {
		return false
	}
	v.AppendInt(int64(int16At(b)))
	return true
}

func readInt32(v *chferry.Vector, b []byte) bool {
	if len(b) != 4 {
		return false
	}
	v.AppendInt(int64(int32At(b)))
	return true
}

// readInt64 also reads an oid, which is an unsigned number of 32 bits.
func readInt64(v *chferry.Vector, b []byte) bool {
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

func readFloat32(v *chferry.Vector, b []byte) bool {
	if len(b) != 4 {
		return false
	}
	v.AppendFloat(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	return true
}

func readFloat64(v *chferry.Vector, b []byte) bool {
	if len(b) != 8 {
		return false
	}
	v.AppendFloat(math.Float64frombits(binary.BigEndian.Uint64(b)))
	return true
}

func readData(v *chferry.Vector, b []byte) bool {
	v.AppendData(b)
	return true
}

func readUUID(v *chferry.Vector, b []byte) bool {
	if len(b) != 16 {
		return false
	}
	v.AppendData(b)
	return true
}

func readDate(v *chferry.Vector, b []byte) bool {
	if len(b) != 4 {
		return false
	}
	v.AppendInt(daysFromWire(int32At(b)))
	return true
}

func readTimestamp(v *chferry.Vector, b []byte) bool {
	if len(b) != 8 {
		return false
	}
	v.AppendInt(microsFromWire(int64At(b)))
	return true
}

// reserve makes room for n values, so that vectors grow at most by their texts.
func reserve(v *chferry.Vector, n int) {
	switch v.Type.Kind {
	case chferry.Float32, chferry.Float64:
		v.Floats = make([]float64, 0, n)
	case chferry.Decimal, chferry.String, chferry.Enum, chferry.Bytes, chferry.UUID, chferry.Array:
		v.Ends = make([]int, 0, n)
	default:
		v.Ints = make([]int64, 0, n)
	}
	if v.Type.Nullable && v.Type.Kind != chferry.Array {
		v.Null = make([]bool, 0, n)
	}
}
