package clickhouse_test

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink/clickhouse"
)

func ints(kind rowset.TypeKind, values ...int64) rowset.Vector {
	return rowset.Vector{Type: rowset.Type{Kind: kind}, Ints: values}
}

func texts(of rowset.Type, values ...string) rowset.Vector {
	v := rowset.Vector{Type: of}
	for _, text := range values {
		v.AppendData([]byte(text))
	}
	return v
}

func micros(t *testing.T, text string) int64 {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05.999999", text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

func dayOf(t *testing.T, text string) int64 {
	return micros(t, text+" 00:00:00") / (24 * 60 * 60 * 1_000_000)
}

// TestDecimals compares with numbers of any size.
func TestDecimals(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, of := range []struct {
		column                  string
		precision, scale, width int
	}{
		{"Decimal(9, 3)", 9, 3, 4},
		{"Decimal(18, 2)", 18, 2, 8},
		{"Decimal(18, 18)", 18, 18, 8},
		{"Decimal(38, 10)", 38, 10, 16},
		{"Decimal(39, 0)", 39, 0, 32},
		{"Decimal(76, 38)", 76, 38, 32},
	} {
		all := strings.Repeat("9", of.precision-of.scale) + "." + strings.Repeat("9", of.scale)
		values := []string{"0", "-0.0", "0" + all, "-00" + all}
		for range 200 {
			digits := make([]byte, of.precision)
			for i := range digits {
				digits[i] = byte('0' + random.IntN(10))
			}
			whole, fraction := string(digits[:of.precision-of.scale]), string(digits[of.precision-of.scale:])
			values = append(values, "-0"+whole+"."+fraction+"000", "0"+whole+"."+fraction[:of.scale/2])
		}
		wire, unfit, err := clickhouse.Encode("26.3", of.column, texts(decimalOf(of.precision, of.scale), values...),
			false)
		if err != nil || len(unfit) > 0 || len(wire) != len(values)*of.width {
			t.Fatalf("%s: %d bytes, unfit %v, %v", of.column, len(wire), unfit, err)
		}
		for i, text := range values {
			whole, fraction, _ := strings.Cut(text, ".")
			fraction = (fraction + strings.Repeat("0", of.scale))[:of.scale]
			want, _ := new(big.Int).SetString(whole+fraction, 10)
			if got := signed(wire[i*of.width : (i+1)*of.width]); got.Cmp(want) != 0 {
				t.Errorf("%s: %s became %s, want %s", of.column, text, got, want)
			}
		}
	}
}

func signed(wire []byte) *big.Int {
	turned := slices.Clone(wire)
	slices.Reverse(turned)
	n := new(big.Int).SetBytes(turned)
	if turned[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(turned))))
	}
	return n
}

func TestDecimalsThatDoNotFit(t *testing.T) {
	t.Parallel()
	values := []string{
		"1.00", "NaN", "Infinity", "-Infinity", "10000000000", "0.001", "", "-", ".", "1e5", "--1",
		"1.2.3", " 1", "9999999999.99",
	}
	want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	_, unfit, err := clickhouse.Encode("18.16.1", "Decimal(12, 2)", texts(decimalOf(12, 2), values...), false)
	if err != nil || !slices.Equal(unfit, want) {
		t.Errorf("unfit rows %v, %v, want %v", unfit, err, want)
	}
	wire, unfit, err := clickhouse.Encode("18.16.1", "String", texts(decimalOf(0, 0), "NaN", "-1.5"), false)
	if err != nil || len(unfit) > 0 || string(wire) != "\x03NaN\x04-1.5" {
		t.Errorf("a String column got %q, unfit %v, %v", wire, unfit, err)
	}
}

// TestDates has for each kind of column the values that it holds at its ends, and those that are
// clamped to them or, in a key, set aside.
func TestDates(t *testing.T) {
	t.Parallel()
	early, late := dayOf(t, "0044-03-15"), dayOf(t, "9999-12-31")
	for _, test := range []struct{ server, column, first, last string }{
		{"18.16.1", "Date", "1970-01-01", "2106-02-07"},
		{"21.9.4", "Date32", "1925-01-01", "2283-11-11"},
		{"26.3", "Date32", "1900-01-01", "2299-12-31"},
	} {
		first, last := dayOf(t, test.first), dayOf(t, test.last)
		v := ints(rowset.Date, math.MinInt64, early, first-1, first, 3, last, last+1, late, math.MaxInt64)
		wire, unfit, err := clickhouse.Encode(test.server, test.column, v, false)
		got := make([]int64, v.Len())
		for i := range got {
			if width := len(wire) / v.Len(); width == 2 {
				got[i] = int64(binary.LittleEndian.Uint16(wire[2*i:]))
			} else {
				got[i] = int64(int32(binary.LittleEndian.Uint32(wire[4*i:])))
			}
		}
		if want := []int64{first, first, first, first, 3, last, last, last, last}; err != nil ||
			!slices.Equal(got, want) || len(unfit) > 0 {
			t.Errorf("%s: got %v, unfit %v, %v, want %v", test.column, got, unfit, err, want)
		}
		_, unfit, err = clickhouse.Encode(test.server, test.column, v, true)
		if want := []int{0, 1, 2, 6, 7, 8}; err != nil || !slices.Equal(unfit, want) {
			t.Errorf("%s in a key: unfit %v, %v, want %v", test.column, unfit, err, want)
		}
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		server, column, first, last string
		ticks                       int64 // a second
	}{
		{"18.16.1", "DateTime('UTC')", "1970-01-01 00:00:00", "2105-12-31 23:59:59", 1},
		{"21.9.4", "DateTime64(6, 'UTC')", "1925-01-01 00:00:00", "2283-11-11 23:59:59.999999", 1e6},
		{"26.3", "DateTime64(6, 'UTC')", "1900-01-01 00:00:00", "2299-12-31 23:59:59.999999", 1e6},
		{"26.3", "DateTime64(8)", "1900-01-01 00:00:00", "2299-12-31 23:59:59.999999", 1e8},
		{"26.3", "DateTime64(9)", "1900-01-01 00:00:00", "2262-04-11 23:47:16.854775", 1e9},
	} {
		first, last := micros(t, test.first), micros(t, test.last)
		v := ints(rowset.Timestamp, math.MinInt64, first-1, first, 5e6, last, last+1, math.MaxInt64)
		wire, unfit, err := clickhouse.Encode(test.server, test.column, v, false)
		if err != nil || len(unfit) > 0 {
			t.Fatalf("%s: unfit %v, %v", test.column, unfit, err)
		}
		want := []int64{first, first, first, 5e6, last, last, last}
		for i := range want {
			if got := tick(wire, i, v.Len()); got != scaled(want[i], test.ticks) {
				t.Errorf("%s: value %d became %d, want %d", test.column, i, got, scaled(want[i], test.ticks))
			}
		}
		_, unfit, err = clickhouse.Encode(test.server, test.column, v, true)
		if want := []int{0, 1, 5, 6}; err != nil || !slices.Equal(unfit, want) {
			t.Errorf("%s in a key: unfit %v, %v, want %v", test.column, unfit, err, want)
		}
	}
}

func tick(wire []byte, i, n int) int64 {
	if len(wire) == 4*n {
		return int64(binary.LittleEndian.Uint32(wire[4*i:]))
	}
	return int64(binary.LittleEndian.Uint64(wire[8*i:]))
}

func scaled(micros, ticks int64) int64 {
	if ticks < 1e6 {
		return micros / (1e6 / ticks)
	}
	return micros * (ticks / 1e6)
}

// TestWholeSeconds cuts fractions towards the past, and sets them aside in a key, where two values must not become one.
func TestWholeSeconds(t *testing.T) {
	t.Parallel()
	v := ints(rowset.Timestamp, 1, 999_999, 1_000_000, 1_999_999)
	wire, unfit, err := clickhouse.Encode("18.16.1", "DateTime", v, false)
	for i, want := range []int64{0, 0, 1, 1} {
		if got := tick(wire, i, v.Len()); got != want || err != nil || len(unfit) > 0 {
			t.Errorf("value %d became %d (%v, unfit %v), want %d", i, got, err, unfit, want)
		}
	}
	_, unfit, err = clickhouse.Encode("18.16.1", "DateTime", v, true)
	if want := []int{0, 1, 3}; err != nil || !slices.Equal(unfit, want) {
		t.Errorf("in a key: unfit %v, %v, want %v", unfit, err, want)
	}
}

// TestTimesAsText fills String columns, which hold all of them.
func TestTimesAsText(t *testing.T) {
	t.Parallel()
	caesar := time.Date(-43, time.March, 15, 12, 0, 0, 500_000_000, time.UTC)
	id := texts(rowset.Type{Kind: rowset.UUID}, "\x0f\x2e\x4d\x6c\x8b\xa9\x1c\x3e\x5f\x70\x81\x92\xa3\xb4\xc5\xd6")
	for _, test := range []struct {
		v    rowset.Vector
		want []string
	}{
		{
			ints(rowset.Timestamp, 0, -1, caesar.UnixMicro(), math.MaxInt64, math.MinInt64),
			[]string{
				"1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "0044-03-15 12:00:00.5 BC", "infinity",
				"-infinity",
			},
		},
		{ints(rowset.Date, 0, dayOf(t, "9999-12-31"), math.MaxInt64), []string{"1970-01-01", "9999-12-31", "infinity"}},
		{id, []string{"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6"}},
	} {
		wire, unfit, err := clickhouse.Encode("26.3", "String", test.v, true)
		if want := wireOf(test.want...); err != nil || string(wire) != want || len(unfit) > 0 {
			t.Errorf("got %q, unfit %v, %v, want %q", wire, unfit, err, want)
		}
	}
}

// TestNullsAmongTexts: in a column that may be null the marks come first, all zero of values that are none.
func TestNullsAmongTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	v := rowset.Vector{Type: rowset.Type{Kind: rowset.String, Nullable: true}}
	v.AppendData([]byte("a"))
	v.AppendNull()
	v.AppendData([]byte(long))
	for _, test := range []struct {
		v    rowset.Vector
		want string
	}{
		{v, "\x00\x01\x00" + wireOf("a", "", long)},
		{texts(rowset.Type{Kind: rowset.String}, "a", ""), "\x00\x00" + wireOf("a", "")},
	} {
		wire, unfit, err := clickhouse.Encode("26.3", "Nullable(String)", test.v, false)
		if err != nil || string(wire) != test.want || len(unfit) > 0 {
			t.Errorf("got %q, unfit %v, %v, want %q", wire, unfit, err, test.want)
		}
	}
}

// wireOf are texts as ClickHouse's native format has them: each after its length.
func wireOf(texts ...string) string {
	var wire []byte
	for _, text := range texts {
		wire = append(binary.AppendUvarint(wire, uint64(len(text))), text...)
	}
	return string(wire)
}

// arrays returns a vector of arrays of two dimensions; null stands for a null.
func arrays(of rowset.TypeKind, null int64, rows ...[][]int64) rowset.Vector {
	v := rowset.Vector{Type: rowset.Type{Kind: rowset.Array, Element: of, Dimensions: 2, Nullable: true}}
	for _, row := range rows {
		for _, inner := range row {
			for _, n := range inner {
				if elements := v.Elements().Elements(); n == null {
					elements.AppendNull()
				} else {
					elements.AppendInt(n)
				}
			}
			v.Elements().AppendArray()
		}
		v.AppendArray()
	}
	return v
}

// TestArraysThatDoNotFit finds the rows of elements that can't be held, in columns that differ from
// those that are created.
func TestArraysThatDoNotFit(t *testing.T) {
	t.Parallel()
	const null = 99
	v := arrays(rowset.Int16, null, [][]int64{{1}, {2, null}}, nil, [][]int64{{}, {}}, [][]int64{{3}},
		[][]int64{{null}, {null}})
	wire, unfit, err := clickhouse.Encode("26.3", "Array(Array(Int16))", v, false)
	if want := []int{0, 4, 4}; err != nil || !slices.Equal(unfit, want) {
		t.Errorf("got unfit rows %v, %v, want %v", unfit, err, want)
	}
	if want := 5*8 + 7*8 + 6*2; len(wire) != want {
		t.Errorf("got %d bytes, want %d", len(wire), want)
	}
	if _, unfit, err = clickhouse.Encode("26.3", "Array(Array(Nullable(Int16)))", v, false); err != nil ||
		len(unfit) > 0 {
		t.Errorf("got unfit rows %v, %v, want none", unfit, err)
	}
}
