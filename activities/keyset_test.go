package activities_test

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry/activities"
)

// TestKeySet adds keys of all lengths, some of them again, and holds the answers against a map's. The set begins with room for none, a
// few or all of them.
func TestKeySet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set, want := activities.NewKeySet(rapid.IntRange(0, 20).Draw(t, "capacity")), map[string]bool{}
		buf := make([]byte, 0, 4)
		for range rapid.IntRange(0, 100).Draw(t, "keys") {
			buf = append(buf[:0], rapid.OneOf(
				rapid.SliceOfN(rapid.ByteRange('a', 'b'), 0, 4),
				rapid.SliceOfN(rapid.Byte(), 0, 300),
			).Draw(t, "key")...)
			if got := set.Add(buf); got == want[string(buf)] {
				t.Fatalf("%q: added %t, although it is there %t", buf, got, want[string(buf)])
			}
			want[string(buf)] = true
			clear(buf) // the set has a copy
		}
		for key := range want {
			if set.Add([]byte(key)) {
				t.Errorf("%q is not there any more", key)
			}
		}
	})
}

// TestKeySetGrows adds many keys to a set that was made for none.
func TestKeySetGrows(t *testing.T) {
	t.Parallel()
	const n = 100_000
	set := activities.NewKeySet(0)
	for round := range 2 {
		for i := range n {
			if got, want := set.Add(binary.BigEndian.AppendUint32(nil, uint32(i))), round == 0; got != want {
				t.Fatalf("round %d: key %d: added %t, want %t", round, i, got, want)
			}
		}
	}
}
