package rowset

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
)

// Compare compares value i with value j of with, a vector of the same type, which may be v itself:
// negative if i comes first, 0 if the two are one key. Data is compared byte by byte, nulls like
// the value in their place, arrays not at all.
func (v *Vector) Compare(i int, with *Vector, j int) int {
	switch v.storage() {
	case inFloats:
		return cmp.Compare(v.Floats[i], with.Floats[j])
	case inData:
		return bytes.Compare(v.At(i), with.At(j))
	case inElements:
		return 0
	default:
		return cmp.Compare(v.Rank(i), with.Rank(j))
	}
}

// Rank returns a number that is smaller than another value's only if value i comes first by
// [Vector.Compare], so that most values can be put in order by their ranks alone. Values of the
// same rank need not be the same.
func (v *Vector) Rank(i int) uint64 {
	const signBit = 1 << 63
	switch storage := v.storage(); {
	case storage == inData:
		var first [8]byte
		copy(first[:], v.At(i))
		return binary.BigEndian.Uint64(first[:])
	case storage != inInts:
		return 0
	case v.Type.Kind == Uint64:
		return uint64(v.Ints[i])
	default:
		return uint64(v.Ints[i]) ^ signBit
	}
}

// Equal reports whether value i is value j of with, a vector of the same type: both are null, or
// neither is and they are alike to the last bit, arrays element by element.
func (v *Vector) Equal(i int, with *Vector, j int) bool {
	if v.IsNull(i) || with.IsNull(j) {
		return v.IsNull(i) == with.IsNull(j)
	}
	switch v.storage() {
	case inFloats:
		return math.Float64bits(v.Floats[i]) == math.Float64bits(with.Floats[j])
	case inData:
		return bytes.Equal(v.At(i), with.At(j))
	case inElements:
		return v.equalArrays(i, with, j)
	default:
		return v.Ints[i] == with.Ints[j]
	}
}

func (v *Vector) equalArrays(i int, with *Vector, j int) bool {
	first, last := v.Span(i)
	other, end := with.Span(j)
	if last-first != end-other {
		return false
	}
	for ; first < last; first, other = first+1, other+1 {
		if !v.Elements().Equal(first, with.Elements(), other) {
			return false
		}
	}
	return true
}
