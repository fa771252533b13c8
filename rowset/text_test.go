package rowset_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry/rowset"
)

// TestKeyText writes values of each type that a key can have as texts, and reads the texts as keys.
func TestKeyText(t *testing.T) {
	t.Parallel()
	ints := map[rowset.TypeKind]*rapid.Generator[int64]{
		rowset.Bool: rapid.Int64Range(0, 1), rowset.Int16: rapid.Int64Range(math.MinInt16, math.MaxInt16),
		rowset.Int32: rapid.Int64Range(math.MinInt32, math.MaxInt32), rowset.Int64: rapid.Int64(),
		rowset.Uint8: rapid.Int64Range(0, math.MaxUint8), rowset.Uint64: rapid.Int64(), // as its bits
		// The years of PostgreSQL, 4713 BC to 5874897 and 294276, and both infinities.
		rowset.Date:      rapid.OneOf(rapid.Int64Range(-2_440_588, 2_145_042_540), infinite),
		rowset.Timestamp: rapid.OneOf(rapid.Int64Range(-210_866_803_200_000_000, 9_223_371_331_199_999_999), infinite),
	}
	for kind, values := range ints {
		rapid.Check(t, func(t *rapid.T) {
			n := values.Draw(t, kind.String())
			v := rowset.Vector{Type: rowset.Type{Kind: kind}}
			v.AppendInt(n)
			read, err := readKey(v.Type, v.KeyText(0))
			if err != nil || read.Ints[0] != n {
				t.Fatalf("%s %d has the text %q, which is read as %v (%v)", kind, n, v.KeyText(0), read.Ints, err)
			}
		})
	}
	for typ, texts := range map[rowset.Type][]string{
		kind(rowset.String): {"", " a ", "01", "é", "'\"\\"}, kind(rowset.Enum): {"", "new"},
		kind(rowset.Bytes): {"", "\x00", `\x`, "\xff\xfe", "a"},
		kind(rowset.UUID):  {"0123456789abcdef", "\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff"},
		decimal(12, 2):     {"0.00", "-1.50", "9999999999.99"}, decimal(5, 0): {"0", "-7"},
	} {
		for _, text := range texts {
			v := rowset.Vector{Type: typ}
			v.AppendData([]byte(text))
			read, err := readKey(typ, v.KeyText(0))
			if err != nil || string(read.At(0)) != text {
				t.Errorf("%s %q has the text %q, which is read as %q (%v)",
					typ.Kind, text, v.KeyText(0), read.Data, err)
			}
		}
	}
}

var infinite = rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64})
