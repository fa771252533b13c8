package rowset

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

// Compare compares value i with value j of with, a vector of the same type, which may be v itself: negative if i comes first, 0 if
// the two are one key. Data is compared byte by byte, nulls like the value in their place, arrays not at all.
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

// Rank returns a number that is smaller than another value's only if value i comes first by [Vector.Compare], so that most values
// can be put in order by their ranks alone. Values of the same rank need not be the same.
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
