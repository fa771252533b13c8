package rowset_test

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

func vectors(types ...rowset.Type) []rowset.Vector {
	keys := make([]rowset.Vector, len(types))
	for i, typ := range types {
		keys[i].Type = typ
	}
	return keys
}

func kind(k rowset.TypeKind) rowset.Type { return rowset.Type{Kind: k} }

func decimal(precision, scale int) rowset.Type {
	return rowset.Type{Kind: rowset.Decimal, Precision: precision, Scale: scale}
}

// readKey reads one text as a key of a type.
func readKey(typ rowset.Type, text string) (rowset.Vector, error) {
	keys := vectors(typ)
	err := rowset.AppendPrimaryKey(keys, chferry.PrimaryKey{text})
	return keys[0], err
}

func micros(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

func TestAppendPrimaryKeyInts(t *testing.T) {
	t.Parallel()
	noon := micros(t, "2024-02-29T12:00:00Z")
	maxUint64 := uint64(math.MaxUint64)
	for _, test := range []struct {
		kind rowset.TypeKind
		text string
		want int64
	}{
		{rowset.Bool, "true", 1},
		{rowset.Bool, "T", 1},
		{rowset.Bool, "1", 1},
		{rowset.Bool, "off", 0},
		{rowset.Bool, " No ", 0},
		{rowset.Int16, "-32768", -32768},
		{rowset.Int16, "032767", 32767},
		{rowset.Int32, "2147483647", math.MaxInt32},
		{rowset.Int32, "+7", 7},
		{rowset.Int32, "\t7\n", 7},
		{rowset.Int64, "-9223372036854775808", math.MinInt64},
		{rowset.Int64, "-0", 0},
		{rowset.Uint8, "255", 255},
		{rowset.Uint64, "18446744073709551615", int64(maxUint64)},
		{rowset.Date, "1970-01-02", 1},
		{rowset.Date, "1969-12-31", -1},
		{rowset.Date, "2000-02-29", 11016},
		{rowset.Date, "0001-01-01", -719162},
		{rowset.Timestamp, "2024-02-29 12:00:00", noon},
		{rowset.Timestamp, "2024-02-29 12:00:00+00", noon},
		{rowset.Timestamp, "2024-02-29T12:00:00Z", noon},
		{rowset.Timestamp, "2024-02-29 17:30:00.000+05:30", noon},
		{rowset.Timestamp, "2024-02-29 11:00:00.5-01", noon + 500_000},
		{rowset.Timestamp, "2024-02-29", noon - 12*time.Hour.Microseconds()},
		{rowset.Timestamp, "1969-12-31 23:59:59.999999", -1},
	} {
		got, err := readKey(kind(test.kind), test.text)
		if err != nil || got.Len() != 1 || got.Ints[0] != test.want {
			t.Errorf("%s %q: got %v, %v, want %d", test.kind, test.text, got.Ints, err, test.want)
		}
	}
}

func TestAppendPrimaryKeyData(t *testing.T) {
	t.Parallel()
	uuid := "\x0f\x2e\x4d\x6c\x8b\xa9\x1c\x3e\x5f\x70\x81\x92\xa3\xb4\xc5\xd6"
	for _, test := range []struct {
		rowset.Type
		text, want string
	}{
		{kind(rowset.String), " a ", " a "},
		{kind(rowset.String), "01", "01"},
		{kind(rowset.String), "日本語🚢", "日本語🚢"},
		{kind(rowset.String), "a\nb", "a\nb"},
		{kind(rowset.UUID), "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6", uuid},
		{kind(rowset.UUID), "0F2E4D6C8BA91C3E5F708192A3B4C5D6", uuid},
		{kind(rowset.UUID), "{0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6}", uuid},
		{decimal(12, 2), "1", "1.00"},
		{decimal(12, 2), "01.5", "1.50"},
		{decimal(12, 2), "1.5000", "1.50"},
		{decimal(12, 2), "+.5", "0.50"},
		{decimal(12, 2), "5.", "5.00"},
		{decimal(12, 2), "-0.00", "0.00"},
		{decimal(12, 2), "-0.01", "-0.01"},
		{decimal(12, 2), "9999999999.99", "9999999999.99"},
		{decimal(5, 0), "00012345.0", "12345"},
		{decimal(5, 5), "0.00012", "0.00012"},
		{decimal(76, 0), strings.Repeat("9", 76), strings.Repeat("9", 76)},
	} {
		got, err := readKey(test.Type, test.text)
		if err != nil || got.Len() != 1 || string(got.At(0)) != test.want {
			t.Errorf("%+v %q: got %q, %v, want %q", test.Type, test.text, got.Data, err, test.want)
		}
	}
}

func TestAppendPrimaryKeyRefuses(t *testing.T) {
	t.Parallel()
	for typ, texts := range map[rowset.Type][]string{
		kind(rowset.Bool):   {"", "2", "truth"},
		kind(rowset.Int16):  {"", "32768", "1.0", "0x1", "1_000", "1e3", "one", "--1", "1 2"},
		kind(rowset.Int32):  {"2147483648"},
		kind(rowset.Int64):  {"9223372036854775808", "1\x00"},
		kind(rowset.Uint8):  {"-1", "256"},
		kind(rowset.Uint64): {"-1", "18446744073709551616"},
		decimal(12, 2): {
			"", ".", "-", "+", "+-1", "--1", "1.001", "10000000000", "1,5", "1e2", "nan", "Infinity",
			"1.-5", "1..5", "0x1", "١",
		},
		decimal(5, 5):       {"1", "0.000001"},
		kind(rowset.String): {"a\x00b", "\xff", "a\xc3"},
		kind(rowset.UUID): {
			"", "0f2e4d6c", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6a0", "{0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6",
			"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5dg",
		},
		kind(rowset.Date): {
			"", "2024-02-30", "2023-02-29", "24-02-29", "2024-2-9", "12345678-01-01",
			"0000-01-01 BC", "29.02.2024", "inf", "2024-02-29 12:00:00",
		},
		kind(rowset.Timestamp): {
			"", "2024-02-29 24:00:00", "2024-02-29 12:00", "2024-02-29 12:00:00.1234567",
			"Infinity", "now", "12:00:00", "294247-01-10 04:00:54.775807", "294276-12-31 23:59:59",
		},
		kind(rowset.Float64): {"1"},
		kind(rowset.Bytes):   {"a", `\x0`, `\xgg`, "00"},
		{}:                   {"1"},
	} {
		for _, text := range texts {
			got, err := readKey(typ, text)
			if code := chferry.CodeOf(err); err == nil || code != chferry.CodeInvalid || got.Len() != 0 {
				t.Errorf("%+v %q: got %d values and %v, want %s", typ, text, got.Len(), err, chferry.CodeInvalid)
			}
		}
	}
}

func TestAppendPrimaryKeyOfWrongLength(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		keys []rowset.Vector
		pk   chferry.PrimaryKey
	}{
		{vectors(kind(rowset.Int64)), chferry.PrimaryKey{"1", "2"}},
		{vectors(kind(rowset.Int64), kind(rowset.Int64)), chferry.PrimaryKey{"1"}},
		{vectors(kind(rowset.Int64)), nil},
		{nil, nil},
	} {
		if err := rowset.AppendPrimaryKey(test.keys, test.pk); chferry.CodeOf(err) != chferry.CodeInvalid {
			t.Errorf("%d values for %d columns: got %v, want %s",
				len(test.pk), len(test.keys), err, chferry.CodeInvalid)
		}
	}
}

// TestAppendPrimaryKeyIsAtomic makes sure that a bad part leaves nothing of the good ones behind,
// and that the error hides it.
func TestAppendPrimaryKeyIsAtomic(t *testing.T) {
	t.Parallel()
	keys := vectors(kind(rowset.String), kind(rowset.Int64), decimal(12, 2), kind(rowset.UUID))
	good := chferry.PrimaryKey{"first", "1", "1.5", "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}
	if err := rowset.AppendPrimaryKey(keys, good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := append(chferry.PrimaryKey{"second"}, good[1:]...)
		bad[i] = "confidential\x00"
		err := rowset.AppendPrimaryKey(keys, bad)
		if chferry.CodeOf(err) != chferry.CodeInvalid || strings.Contains(err.Error(), "confidential") ||
			!strings.Contains(err.Error(), fmt.Sprint("value ", i+1)) {
			t.Errorf("bad value %d: got %v, want an error that names it and hides it", i+1, err)
		}
		for c := range keys {
			if got, want := keys[c].Len(), 1; got != want {
				t.Errorf("bad value %d: column %d has %d values, want %d", i+1, c, got, want)
			}
		}
	}
	if got, want := string(keys[0].At(0)), "first"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestDecimalKeys compares with numbers of arbitrary precision.
func TestDecimalKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		precision := rapid.IntRange(1, 76).Draw(t, "precision")
		scale := rapid.IntRange(0, precision).Draw(t, "scale")
		text := rapid.StringMatching(`[+-]?0{0,3}[0-9]{1,80}(\.[0-9]{0,80})?`).Draw(t, "text")
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("%q is no number", text)
		}
		unscaled := new(big.Rat).Mul(exact, new(big.Rat).SetInt(power(scale)))
		fits := unscaled.IsInt() && unscaled.Num().CmpAbs(power(precision)) < 0

		got, err := readKey(decimal(precision, scale), text)

		if fits != (err == nil) {
			t.Fatalf("%q as decimal(%d,%d): got %v, want it to fit: %v", text, precision, scale, err, fits)
		}
		if want := exact.FloatString(scale); fits && string(got.At(0)) != want {
			t.Errorf("%q as decimal(%d,%d): got %q, want %q", text, precision, scale, got.At(0), want)
		}
	})
}

func power(exponent int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)
}

// TestTimestampKeys writes a point in time in every notation that is read.
func TestTimestampKeys(t *testing.T) {
	t.Parallel()
	layouts := []string{
		"2006-01-02 15:04:05.999999Z07:00", "2006-01-02T15:04:05.999999Z07:00", "2006-01-02T15:04:05.000000Z07:00",
		"2006-01-02 15:04:05.000000-07:00",
	}
	first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).UnixMicro(),
		time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC).UnixMicro()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(first, last).Draw(t, "micros")
		zone := time.FixedZone("", 60*rapid.IntRange(-14*60, 14*60).Draw(t, "minutes east"))
		text := time.UnixMicro(want).In(zone).Format(rapid.SampledFrom(layouts).Draw(t, "layout"))
		got, err := readKey(kind(rowset.Timestamp), text)
		if err != nil || got.Ints[0] != want {
			t.Errorf("%q: got %v, %v, want %d", text, got.Ints, err, want)
		}
	})
}

var keyTypes = []rowset.Type{
	kind(rowset.Bool), kind(rowset.Int16), kind(rowset.Int32), kind(rowset.Int64), kind(rowset.Uint8),
	kind(rowset.Uint64), decimal(12, 2), decimal(76, 38), kind(rowset.String), kind(rowset.Enum), kind(rowset.UUID),
	kind(rowset.Date), kind(rowset.Timestamp),
}

// TestCanBeKey makes sure that what is said to be readable is read, and nothing else.
func TestCanBeKey(t *testing.T) {
	t.Parallel()
	can := map[rowset.TypeKind]bool{}
	for _, typ := range keyTypes {
		can[typ.Kind] = true
	}
	for k := rowset.TypeKind(0); k <= rowset.Array+1; k++ {
		if got, want := k.CanBeKey(), can[k]; got != want {
			t.Errorf("%s: got %v, want %v", k, got, want)
		}
	}
}

// FuzzAppendPrimaryKey reads any text as any two types: all or nothing, and what was read is read
// the same when it is written anew.
func FuzzAppendPrimaryKey(f *testing.F) {
	for i, text := range []string{
		"1", "-0", "1.50", "true", "{0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6}", "2024-02-29",
		"2024-02-29 12:00:00.5+05:30", "\xff", "\x00", "",
	} {
		f.Add(text, "1", uint8(i), uint8(0))
	}
	f.Fuzz(func(t *testing.T, a, b string, typeA, typeB uint8) {
		types := []rowset.Type{keyTypes[int(typeA)%len(keyTypes)], keyTypes[int(typeB)%len(keyTypes)]}
		keys := vectors(types...)
		if err := rowset.AppendPrimaryKey(keys, chferry.PrimaryKey{a, b}); err != nil {
			if chferry.CodeOf(err) != chferry.CodeInvalid || keys[0].Len() != 0 || keys[1].Len() != 0 {
				t.Fatalf("got %v and %d, %d values, want %s and none",
					err, keys[0].Len(), keys[1].Len(), chferry.CodeInvalid)
			}
			return
		}
		again := vectors(types...)
		if err := rowset.AppendPrimaryKey(again, chferry.PrimaryKey{written(&keys[0]), written(&keys[1])}); err != nil {
			t.Fatalf("what was read as %q, %q can't be read again: %v", written(&keys[0]), written(&keys[1]), err)
		}
		for i := range keys {
			if again[i].Compare(0, &keys[i], 0) != 0 {
				t.Errorf("%s: read again, %q became another value", types[i].Kind, written(&keys[i]))
			}
		}
		if (types[0].Kind == rowset.String || types[0].Kind == rowset.Enum) && !utf8.ValidString(a) {
			t.Errorf("accepted a text that is none: %q", a)
		}
	})
}

// written is the first value of a vector in the notation of databases.
func written(v *rowset.Vector) string {
	switch v.Type.Kind {
	case rowset.String, rowset.Enum, rowset.Decimal:
		return string(v.At(0))
	case rowset.UUID:
		return fmt.Sprintf("%x", v.At(0))
	case rowset.Uint64:
		return strconv.FormatUint(uint64(v.Ints[0]), 10)
	case rowset.Date:
		return writtenTime(v.Ints[0], time.DateOnly, time.Unix(v.Ints[0]*24*60*60, 0))
	case rowset.Timestamp:
		return writtenTime(v.Ints[0], "2006-01-02 15:04:05.999999", time.UnixMicro(v.Ints[0]))
	default:
		return strconv.FormatInt(v.Ints[0], 10)
	}
}
