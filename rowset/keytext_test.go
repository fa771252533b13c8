package rowset_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// writtenTime writes a time as PostgreSQL does, in UTC.
func writtenTime(n int64, layout string, at time.Time) string {
	switch n {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	}
	behind := at.UTC().Format(strings.TrimPrefix(layout, "2006"))
	if year := at.UTC().Year(); year > 0 {
		return fmt.Sprintf("%04d", year) + behind
	}
	return fmt.Sprintf("%04d", 1-at.UTC().Year()) + behind + " BC"
}

// TestTimesOfAllYears reads what PostgreSQL writes of any date and any point in time that it holds.
func TestTimesOfAllYears(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.Int64Range(-2_440_588, 2_145_042_905).Draw(t, "days") // 4714-11-24 BC to 5874897-12-31
		text := writtenTime(days, time.DateOnly, time.Unix(days*24*60*60, 0))
		if got, err := readKey(kind(rowset.Date), text); err != nil || got.Ints[0] != days {
			t.Errorf("%q: got %v, %v, want %d", text, got.Ints, err, days)
		}
		micros := rapid.Int64Range(-210_866_803_200_000_000, rowset.Uncountable-1).Draw(t, "micros")
		text = writtenTime(micros, "2006-01-02 15:04:05.999999", time.UnixMicro(micros)) +
			rapid.SampledFrom([]string{"", "+00"}).Draw(t, "zone")
		text = strings.Replace(text, " BC+00", "+00 BC", 1)
		if got, err := readKey(kind(rowset.Timestamp), text); err != nil || got.Ints[0] != micros {
			t.Errorf("%q: got %v, %v, want %d", text, got.Ints, err, micros)
		}
	})
	for text, want := range map[string]int64{
		"infinity": math.MaxInt64, "-infinity": math.MinInt64, "0001-12-31 BC": -719163, "0001-01-01 BC": -719528,
		"10000-01-01": 2932897, "4714-11-24 BC": -2440588, "5874897-12-31": 2145042905,
	} {
		if got, err := readKey(kind(rowset.Date), text); err != nil || got.Ints[0] != want {
			t.Errorf("%q: got %v, %v, want %d", text, got.Ints, err, want)
		}
	}
}

// TestAppendPlainKey: what means the same to every source is read at once, and nothing else.
func TestAppendPlainKey(t *testing.T) {
	t.Parallel()
	for typ, texts := range map[rowset.Type]map[string]bool{
		kind(rowset.Bool): {"true": true, " 1 ": true, "tru": false, "": false},
		kind(rowset.Int64): {
			"7": true, "-07": true, " +7\n": true, "\u00a07": false, "0x10": false, "1_000": false,
			"7.0": false, "": false,
		},
		kind(rowset.String): {"": true, " a ": true, "infinity": true, "\x00": false, "\xff": false},
		kind(rowset.Enum):   {"a": false},
		kind(rowset.Bytes):  {`\x00`: false},
		decimal(12, 2):      {"1": true, "-1.50": true, "1e1": false, "NaN": false, "1.005": false},
		kind(rowset.UUID): {
			"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6": true, "0F2E4D6C8BA91C3E5F708192A3B4C5D6": true,
			"{0f2e4d6c8ba91c3e5f708192a3b4c5d6}": true, "0f2e-4d6c-8ba9-1c3e-5f70-8192-a3b4-c5d6": true,
			"0f-2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6": false, " 0f2e4d6c8ba91c3e5f708192a3b4c5d6": false,
			"0f2e4d6c8ba91c3e5f708192a3b4c5d6-": false, "{}": false, "{": false,
		},
		kind(rowset.Date): {
			"2024-02-29": true, "0000-01-01": false, "infinity": false, "12000-01-01": false,
			"0044-03-15 BC": false,
		},
		kind(rowset.Timestamp): {
			"2024-02-29": true, "2024-02-29 12:00:00": true, "2024-02-29T12:00:00.5Z": true,
			"2024-02-29 12:00:00+00": true, "2024-02-29 12:00:00+00:00": true, "2024-02-29 12:00:00+02": false,
			"2024-02-29T12:00:00-00:30": false, "0000-01-01": false, "2024-02-29 12:00:00,5": false, "infinity": false,
		},
	} {
		for text, want := range texts {
			keys := vectors(kind(rowset.Int64), typ)
			if got := rowset.AppendPlainKey(keys, chferry.PrimaryKey{"7", text}); got != want ||
				got != (keys[0].Len() == 1) || got != (keys[1].Len() == 1) {
				t.Errorf("%+v %q: got %v, %d and %d values, want %v",
					typ, text, got, keys[0].Len(), keys[1].Len(), want)
			}
			if again := vectors(typ); want &&
				(rowset.AppendPrimaryKey(again, chferry.PrimaryKey{text}) != nil ||
					again[0].Compare(0, &keys[1], 0) != 0) {
				t.Errorf("%+v %q is read in two ways", typ, text)
			}
		}
	}
}

// TestMayBeKey: the source is asked about what it may read, and not about what no database reads.
func TestMayBeKey(t *testing.T) {
	t.Parallel()
	for k, texts := range map[rowset.TypeKind]map[string]bool{
		rowset.Int32: {
			"0x1F": true, "1_000": true, "7.0": true, "DELETE 2": true, "x": false, "": false,
			"7\x00": false, "7,5": false, "٧": false,
		},
		rowset.Decimal:   {"15e-1": true, "NaN": true, "Infinity": true, "": false, "-": false, "1,5": false},
		rowset.UUID:      {"0f2e": true, "": false, "user 7": false},
		rowset.Timestamp: {"epoch": true, "": true, "\xff": false},
	} {
		for text, want := range texts {
			if got := k.MayBeKey(text); got != want {
				t.Errorf("%s %q: got %v, want %v", k, text, got, want)
			}
		}
	}
}

// TestBytesKeys reads bytes as PostgreSQL writes them.
func TestBytesKeys(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`\x`: "", `\x00ff`: "\x00\xff", `\x5C`: `\`} {
		if got, err := readKey(kind(rowset.Bytes), text); err != nil || string(got.At(0)) != want {
			t.Errorf("%q: got %q, %v, want %q", text, got.Data, err, want)
		}
	}
}
