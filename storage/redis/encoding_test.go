package redis_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

func operations() *rapid.Generator[[]chferry.Operation] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) chferry.Operation {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 1, 4).Draw(t, "parts")
		pk := make(chferry.PrimaryKey, len(parts))
		for i, part := range parts {
			pk[i] = string(part)
		}
		return chferry.Operation{
			Kind: rapid.SampledFrom([]chferry.Kind{chferry.Insert, chferry.Update, chferry.Delete}).Draw(t,
				"kind"),
			Database:   rapid.SampledFrom([]string{"", "", "eu", "us", "\x00"}).Draw(t, "database"),
			PrimaryKey: pk,
		}
	}), 1, 50)
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := operations().Draw(t, "operations")
		entry := string(redis.Encode(nil, want))
		got, err := redis.Decode(nil, entry)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, equal) {
			t.Fatalf("got %q, want %q", got, want)
		}
		if n, err := redis.Count(entry); err != nil || n != len(want) {
			t.Fatalf("counted %d, %v; want %d", n, err, len(want))
		}
	})
}

func equal(a, b chferry.Operation) bool {
	return a.Kind == b.Kind && a.Database == b.Database && slices.Equal(a.PrimaryKey, b.PrimaryKey)
}

// TestEntrySize holds the price of one operation, which is what a queue costs in Redis.
func TestEntrySize(t *testing.T) {
	t.Parallel()
	one := []chferry.Operation{{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"1234567"}}}
	if got := len(redis.Encode(nil, one)); got != 11 {
		t.Errorf("one operation takes %d bytes, want 11", got)
	}
	if got := len(redis.Encode(nil, slices.Repeat(one, 1000))); got != 8004 {
		t.Errorf("1,000 operations take %d bytes, want 8,004", got)
	}
}

// FuzzDecode: whatever stands in an entry, decoding it ends, within its memory, and agrees with counting it.
func FuzzDecode(f *testing.F) {
	f.Add("u\x01\x01\x03123")
	f.Add("D\x02\x02eu\x01\x017\x0242i\x01\x01\x01x")
	f.Add("u\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Fuzz(func(t *testing.T, entry string) {
		ops, err := redis.Decode(nil, entry)
		n, countErr := redis.Count(entry)
		if (err == nil) != (countErr == nil) {
			t.Fatalf("decode says %v, count says %v", err, countErr)
		}
		if err == nil && n != len(ops) {
			t.Fatalf("decoded %d, counted %d", len(ops), n)
		}
	})
}
