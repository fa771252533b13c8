package rowset_test

import (
	"math"
	"slices"
	"testing"

	"github.com/chferry/chferry/rowset"
	"pgregory.net/rapid"
)

// bounds draws a range among n rows, which may be empty, at either end, or all of them.
func bounds(t *rapid.T, n int) (first, last int) {
	first = rapid.IntRange(0, n).Draw(t, "first")
	return first, rapid.IntRange(first, n).Draw(t, "last")
}

// copyOf returns rows from first up to last, copied one by one.
func copyOf(b *rowset.Block, first, last int) rowset.Block {
	out := rowset.NewBlock(b.Columns)
	for r := first; r < last; r++ {
		for c := range out.Vectors {
			out.Vectors[c].AppendFrom(&b.Vectors[c], r)
		}
	}
	return out
}

// TestSlice holds slices of values of all storages, and slices of those, against the rows that they are to have.
func TestSlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := randomBlock(t, "rows")
		all := rowsOf(&b)
		first, last := bounds(t, b.Rows())
		out := b.Slice(first, last)
		wantRows(t, "the slice", &out, all[first:last])
		from, to := bounds(t, out.Rows())
		inner := out.Slice(from, to)
		wantRows(t, "the slice of the slice", &inner, all[first+from:first+to])
		copied := copyOf(&inner, 0, inner.Rows())
		wantRows(t, "what was copied from it", &copied, all[first+from:first+to])
		wantRows(t, "the block itself", &b, all)
		if want := copyOf(&b, first+from, first+to); inner.Bytes() != want.Bytes() {
			t.Errorf("the slice of the slice takes %d bytes, its copy %d", inner.Bytes(), want.Bytes())
		}
	})
}

// TestSliceIsABlock uses a slice as what is done with blocks uses it: to append from, to leave rows out of, to arrange.
func TestSliceIsABlock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, more := randomBlock(t, "rows"), randomBlock(t, "rows appended to")
		all := rowsOf(&b)
		first, last := bounds(t, b.Rows())
		out := b.Slice(first, last)
		want := slices.Concat(rowsOf(&more), all[first:last])
		more.Append(&out)
		wantRows(t, "appended", &more, want)
		if out.Rows() > 0 {
			r := rapid.IntRange(0, out.Rows()-1).Draw(t, "left out")
			left := out.Without([]int{r})
			wantRows(t, "without a row", &left, slices.Delete(slices.Clone(all[first:last]), r, r+1))
		}
		one := out.Arrange(allColumns[:1])
		if got := one.Rows(); got != last-first {
			t.Errorf("one column of the slice has %d rows, want %d", got, last-first)
		}
		wantRows(t, "the block itself", &b, all)
	})
}

// TestSliceOfArraysWithoutElements: nobody has asked for the elements yet.
func TestSliceOfArraysWithoutElements(t *testing.T) {
	t.Parallel()
	v := rowset.Vector{Type: rowset.Type{Kind: rowset.Array, Element: rowset.String, Dimensions: 2}, Ends: []int{0, 0}}
	out := v.Slice(1, 2)
	if got := value(&out, 0); out.Len() != 1 || got != "[]" {
		t.Errorf("got %d values, the first %s, want one empty array", out.Len(), got)
	}
}

// TestBytes: what is cut in two, or put together, is as large as both.
func TestBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := randomBlock(t, "rows of a"), randomBlock(t, "rows of b")
		cut := rapid.IntRange(0, a.Rows()).Draw(t, "cut")
		first, second := a.Slice(0, cut), a.Slice(cut, a.Rows())
		if got, want := first.Bytes()+second.Bytes(), a.Bytes(); got != want {
			t.Errorf("the parts take %d bytes, the block %d", got, want)
		}
		want := a.Bytes() + b.Bytes()
		a.Append(&b)
		if got := a.Bytes(); got != want {
			t.Errorf("together they take %d bytes, want %d", got, want)
		}
	})
}

// TestBytesOfValues counts what a value of each storage takes.
func TestBytesOfValues(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rowset.Type
		fill func(*rowset.Vector)
		want int
	}{
		"empty":        {kind(rowset.String), func(*rowset.Vector) {}, 0},
		"an integer":   {kind(rowset.Int16), func(v *rowset.Vector) { v.AppendInt(1) }, 8},
		"a float":      {kind(rowset.Float32), func(v *rowset.Vector) { v.AppendFloat(1) }, 8},
		"a text":       {kind(rowset.String), func(v *rowset.Vector) { v.AppendData(make([]byte, 1000)) }, 1008},
		"an empty one": {kind(rowset.String), func(v *rowset.Vector) { v.AppendData(nil) }, 8},
		"a null":       {rowset.Type{Kind: rowset.Int64, Nullable: true}, func(v *rowset.Vector) { v.AppendNull() }, 9},
		"an array": {
			rowset.Type{Kind: rowset.Array, Element: rowset.Int64, Dimensions: 1},
			func(v *rowset.Vector) { v.Elements().AppendInt(1); v.Elements().AppendInt(2); v.AppendArray() }, 8 + 2*8,
		},
	} {
		v := rowset.Vector{Type: test.Type}
		test.fill(&v)
		if got := v.Bytes(); got != test.want {
			t.Errorf("%s: got %d bytes, want %d", name, got, test.want)
		}
	}
}

// TestCompare: the order is total, and values are equal in it exactly when they are one key.
func TestCompare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := vectors(rapid.SampledFrom(keyTypes).Draw(t, "type"))
		v := &keys[0]
		for range 3 {
			appendRandom(t, v)
		}
		for i := range 3 {
			for j := range 3 {
				if got, back := v.Compare(i, v, j), v.Compare(j, v, i); sign(got) != -sign(back) {
					t.Errorf("values %d and %d compare as %d one way and %d the other", i, j, got, back)
				}
				if same := value(v, i) == value(v, j); same != (v.Compare(i, v, j) == 0) {
					t.Errorf("values %d and %d: equal %t, compared %d", i, j, same, v.Compare(i, v, j))
				}
				if v.Rank(i) < v.Rank(j) && v.Compare(i, v, j) >= 0 {
					t.Errorf("value %d has a smaller rank than value %d and does not come first", i, j)
				}
			}
		}
		if v.Compare(0, v, 1) <= 0 && v.Compare(1, v, 2) <= 0 && v.Compare(0, v, 2) > 0 {
			t.Error("the order goes in a circle")
		}
	})
}

func sign(n int) int { return min(max(n, -1), 1) }

// TestCompareOrders lists values in their order.
func TestCompareOrders(t *testing.T) {
	t.Parallel()
	data := func(texts ...string) func(*rowset.Vector) {
		return func(v *rowset.Vector) {
			for _, text := range texts {
				v.AppendData([]byte(text))
			}
		}
	}
	ints := func(values ...int64) func(*rowset.Vector) {
		return func(v *rowset.Vector) {
			for _, n := range values {
				v.AppendInt(n)
			}
		}
	}
	for k, fill := range map[rowset.TypeKind]func(*rowset.Vector){
		rowset.Int64:  ints(math.MinInt64, -1, 0, 1, math.MaxInt64),
		rowset.Uint64: ints(0, 1, math.MaxInt64, math.MinInt64, -1), // its bits
		rowset.Bool:   ints(0, 1),
		rowset.Date:   ints(math.MinInt64, -1, 19782),
		rowset.String: data("", "\x00", "A", "B", "a", "aa", "b", "é", "\xff"),
		rowset.UUID:   data(string(make([]byte, 16)), "\x7f23456789012345", "\x80\x00\x00456789012345"),
		rowset.Float64: func(v *rowset.Vector) {
			for _, f := range []float64{math.NaN(), math.Inf(-1), -1, 0, 0.5, math.Inf(1)} {
				v.AppendFloat(f)
			}
		},
	} {
		v := rowset.Vector{Type: kind(k)}
		fill(&v)
		for i := range v.Len() {
			for j := range v.Len() {
				if got, want := sign(v.Compare(i, &v, j)), sign(i-j); got != want {
					t.Errorf("%s: value %d compared with value %d gives %d, want %d", k, i, j, got, want)
				}
			}
		}
	}
	arrays := rowset.Vector{Type: rowset.Type{Kind: rowset.Array, Element: rowset.Int64, Dimensions: 1}}
	arrays.AppendArray()
	arrays.Elements().AppendInt(1)
	arrays.AppendArray()
	if got := arrays.Compare(0, &arrays, 1); got != 0 {
		t.Errorf("arrays are compared: %d", got)
	}
}

// TestEqual holds each value of a block against each of a slice of it, which has them at other places.
func TestEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := randomBlock(t, "rows")
		first, last := bounds(t, b.Rows())
		slice := b.Slice(first, last)
		for c := range b.Vectors {
			for i := range b.Rows() {
				for j := range slice.Rows() {
					want := value(&b.Vectors[c], i) == value(&slice.Vectors[c], j)
					if got := b.Vectors[c].Equal(i, &slice.Vectors[c], j); got != want {
						t.Errorf("column %d, rows %d and %d: got %v, want %v", c, i, first+j, got, want)
					}
				}
			}
		}
	})
}
