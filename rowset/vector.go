package rowset

import (
	"math"
	"slices"
)

// Uncountable stands for a timestamp that is too late to be counted in microseconds of 64 bits: PostgreSQL has those up
// to the year 294276. It is later than all others but infinity. No text can be made of it.
const Uncountable = math.MaxInt64 - 1

// UncountableTimestamp says what a value is that [Uncountable] stands for.
const UncountableTimestamp = "a timestamp after the year 294246"

// Vector holds the values of one column, without a box around any of them:
//
//   - Ints: Bool (0 or 1), all integers (Uint64 as its bits), Date (days), Timestamp
//     (microseconds). What lies beyond the range of the type, such as infinity, is math.MaxInt64 or
//     math.MinInt64. See also [Uncountable].
//   - Floats: Float32, Float64.
//   - Data, cut at Ends: String, Enum, Bytes, UUID (16 bytes), Decimal (as in 12.50, or NaN).
//   - [Vector.Elements], cut at Ends: Array. Where its elements are arrays too, they have elements again.
//
// A null has the zero value in its place and is marked in Null, which is nil for a type that is not nullable.
type Vector struct {
	Type   Type
	Null   []bool
	Ints   []int64
	Floats []float64
	Data   []byte
	Ends   []int

	elements *Vector
}

// Len returns the number of values.
func (v *Vector) Len() int {
	switch v.storage() {
	case inFloats:
		return len(v.Floats)
	case inData, inElements:
		return len(v.Ends)
	default:
		return len(v.Ints)
	}
}

type vectorStorage uint8

const (
	inInts vectorStorage = iota
	inFloats
	inData
	inElements
)

func (v *Vector) storage() vectorStorage {
	switch v.Type.Kind {
	case Float32, Float64:
		return inFloats
	case Decimal, String, Enum, Bytes, UUID:
		return inData
	case Array:
		return inElements
	default:
		return inInts
	}
}

// AppendInt appends a value that lives in Ints.
func (v *Vector) AppendInt(n int64) { v.Ints = append(v.Ints, n); v.mark(false) }

// AppendFloat appends a value that lives in Floats.
func (v *Vector) AppendFloat(f float64) { v.Floats = append(v.Floats, f); v.mark(false) }

// AppendData appends a copy of a value that lives in Data.
func (v *Vector) AppendData(b []byte) { v.appendData(b); v.mark(false) }

// Elements holds the elements of all values of an Array, one after another.
func (v *Vector) Elements() *Vector {
	if v.elements == nil {
		v.elements = &Vector{Type: v.Type.ElementType()}
	}
	return v.elements
}

// AppendArray appends an array of what was appended to [Vector.Elements] since the last one.
func (v *Vector) AppendArray() { v.Ends = append(v.Ends, v.Elements().Len()) }

// AppendNull appends a null, or an empty array; the type must be nullable.
func (v *Vector) AppendNull() { v.appendZero(); v.mark(true) }

// AppendDefault appends a null to a nullable vector and the type's zero value, such as an empty array, to another.
func (v *Vector) AppendDefault() { v.appendZero(); v.mark(v.Type.Nullable) }

func (v *Vector) mark(null bool) {
	if v.Type.Nullable && v.Type.Kind != Array {
		v.Null = append(v.Null, null)
	}
}

func (v *Vector) appendData(b []byte) {
	v.Data = append(v.Data, b...)
	v.Ends = append(v.Ends, len(v.Data))
}

var (
	zeroUUID    = make([]byte, 16)
	zeroDecimal = []byte("0")
)

func (v *Vector) appendZero() {
	switch v.storage() {
	case inFloats:
		v.Floats = append(v.Floats, 0)
	case inInts:
		v.Ints = append(v.Ints, 0)
	case inElements:
		v.AppendArray()
	case inData:
		switch v.Type.Kind {
		case UUID:
			v.appendData(zeroUUID)
		case Decimal:
			v.appendData(zeroDecimal)
		default:
			v.appendData(nil)
		}
	}
}

// At returns the bytes of value i, which lives in Data. They are valid until the vector changes.
func (v *Vector) At(i int) []byte {
	start, end := v.Span(i)
	return v.Data[start:end]
}

// Span returns where value i starts and ends, in Data or among the elements.
func (v *Vector) Span(i int) (start, end int) {
	if i > 0 {
		start = v.Ends[i-1]
	}
	return start, v.Ends[i]
}

// IsNull tells whether value i is null.
func (v *Vector) IsNull(i int) bool { return v.Null != nil && v.Null[i] }

// AppendFrom appends value i of from, which must be of the same kind.
func (v *Vector) AppendFrom(from *Vector, i int) {
	if from.IsNull(i) {
		v.AppendNull()
		return
	}
	switch v.storage() {
	case inFloats:
		v.AppendFloat(from.Floats[i])
	case inData:
		v.AppendData(from.At(i))
	case inElements:
		for start, end := from.Span(i); start < end; start++ {
			v.Elements().AppendFrom(from.Elements(), start)
		}
		v.AppendArray()
	default:
		v.AppendInt(from.Ints[i])
	}
}

// Truncate drops all values from n on, and elements that were appended for none yet.
func (v *Vector) Truncate(n int) {
	if v.Null != nil {
		v.Null = v.Null[:n]
	}
	switch v.storage() {
	case inFloats:
		v.Floats = v.Floats[:n]
	case inInts:
		v.Ints = v.Ints[:n]
	case inData:
		v.Ends = v.Ends[:n]
		if n == 0 {
			v.Data = v.Data[:0]
		} else {
			v.Data = v.Data[:v.Ends[n-1]]
		}
	case inElements:
		v.Ends = v.Ends[:n]
		if n == 0 {
			v.Elements().Truncate(0)
		} else {
			v.Elements().Truncate(v.Ends[n-1])
		}
	}
}

// Slice returns the values from first up to last, not included. It shares memory with v, so neither may be appended to.
func (v *Vector) Slice(first, last int) Vector {
	out := Vector{Type: v.Type}
	if v.Null != nil {
		out.Null = v.Null[first:last]
	}
	switch v.storage() {
	case inFloats:
		out.Floats = v.Floats[first:last]
	case inInts:
		out.Ints = v.Ints[first:last]
	case inData, inElements:
		start, end := 0, 0
		if last > first {
			start, _ = v.Span(first)
			_, end = v.Span(last - 1)
		}
		out.Ends = make([]int, last-first)
		for i := range out.Ends {
			out.Ends[i] = v.Ends[first+i] - start
		}
		if v.storage() == inData {
			out.Data = v.Data[start:end]
		} else {
			elements := v.Elements().Slice(start, end)
			out.elements = &elements
		}
	}
	return out
}

// Bytes returns about how much memory the values take.
func (v *Vector) Bytes() int {
	const word = 8
	n := len(v.Null) + len(v.Data) + word*(len(v.Ints)+len(v.Floats)+len(v.Ends))
	if v.elements != nil {
		n += v.elements.Bytes()
	}
	return n
}

func (v *Vector) appendAll(from *Vector) {
	base := len(v.Data)
	if v.storage() == inElements {
		base = v.Elements().Len()
		v.Elements().appendAll(from.Elements())
	}
	v.Null = append(v.Null, from.Null...)
	v.Ints = append(v.Ints, from.Ints...)
	v.Floats = append(v.Floats, from.Floats...)
	v.Data = append(v.Data, from.Data...)
	v.Ends = slices.Grow(v.Ends, len(from.Ends))
	for _, end := range from.Ends {
		v.Ends = append(v.Ends, base+end)
	}
}
