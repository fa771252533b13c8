package rowset_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry/rowset"
	"pgregory.net/rapid"
)

var (
	plainColumns = []rowset.Column{
		{Name: "id", Type: kind(rowset.Int64)},
		{Name: "score", Type: kind(rowset.Float64)},
		{Name: "name", Type: kind(rowset.String)},
	}
	allColumns = func() []rowset.Column {
		var columns []rowset.Column
		for k := rowset.Bool; k <= rowset.Enum; k++ {
			columns = append(columns,
				rowset.Column{Name: k.String(), Type: kind(k)},
				rowset.Column{Name: k.String() + "?", Type: rowset.Type{Kind: k, Nullable: true}})
		}
		for _, of := range []rowset.TypeKind{rowset.Int32, rowset.Float64, rowset.String} {
			for dimensions := range 3 {
				name := fmt.Sprintf("%s of %d dimensions", of, dimensions+1)
				columns = append(columns,
					rowset.Column{
						Name: name,
						Type: rowset.Type{
							Kind: rowset.Array, Element: of, Dimensions: dimensions + 1,
							Nullable: dimensions != 1,
						},
					})
			}
		}
		return columns
	}()
)

// value returns value i of a vector as a text, to compare with.
func value(v *rowset.Vector, i int) string {
	switch {
	case v.IsNull(i):
		return "null"
	case v.Type.Kind == rowset.Array:
		elements := []string{}
		for start, end := v.Span(i); start < end; start++ {
			elements = append(elements, value(v.Elements(), start))
		}
		return fmt.Sprint(elements)
	case v.Type.Kind == rowset.Float32 || v.Type.Kind == rowset.Float64:
		return fmt.Sprint(v.Floats[i])
	case v.Type.Kind == rowset.Decimal || v.Type.Kind == rowset.String || v.Type.Kind == rowset.Enum ||
		v.Type.Kind == rowset.Bytes || v.Type.Kind == rowset.UUID:
		return fmt.Sprintf("%q", v.At(i))
	default:
		return fmt.Sprint(v.Ints[i])
	}
}

func rowsOf(b *rowset.Block) [][]string {
	rows := make([][]string, b.Rows())
	for r := range rows {
		for c := range b.Vectors {
			rows[r] = append(rows[r], value(&b.Vectors[c], r))
		}
	}
	return rows
}

// appendRandom appends a random value, or a null.
func appendRandom(t *rapid.T, v *rowset.Vector) {
	if v.Type.Nullable && rapid.Bool().Draw(t, "null") {
		v.AppendNull()
		return
	}
	switch v.Type.Kind {
	case rowset.Float32, rowset.Float64:
		v.AppendFloat(rapid.Float64().Draw(t, "float"))
	case rowset.Array:
		for range rapid.IntRange(0, 2).Draw(t, "elements") {
			appendRandom(t, v.Elements())
		}
		v.AppendArray()
	case rowset.Decimal, rowset.String, rowset.Enum, rowset.Bytes, rowset.UUID:
		v.AppendData(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "data"))
	default:
		v.AppendInt(rapid.Int64Range(-2, 2).Draw(t, "int"))
	}
}

func randomBlock(t *rapid.T, name string) rowset.Block {
	b := rowset.NewBlock(allColumns)
	for range rapid.IntRange(0, 6).Draw(t, name) {
		for c := range b.Vectors {
			appendRandom(t, &b.Vectors[c])
		}
	}
	return b
}

func wantRows(t *rapid.T, what string, b *rowset.Block, want [][]string) {
	t.Helper()
	if got := rowsOf(b); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("%s: got rows %v, want %v", what, got, want)
	}
}

func TestBlockAppend(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := randomBlock(t, "rows of a"), randomBlock(t, "rows of b")
		want, ofB := slices.Concat(rowsOf(&a), rowsOf(&b)), rowsOf(&b)
		a.Append(&b)
		wantRows(t, "appended", &a, want)
		wantRows(t, "what was appended", &b, ofB)
	})
}

func TestBlockWithout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := randomBlock(t, "rows")
		var leaveOut []int
		want := [][]string{}
		for r, row := range rowsOf(&b) {
			if rapid.Bool().Draw(t, "leave out") {
				leaveOut = append(leaveOut, r)
			} else {
				want = append(want, row)
			}
		}
		all := rowsOf(&b)
		out := b.Without(leaveOut)
		wantRows(t, "what is left", &out, want)
		wantRows(t, "the block itself", &b, all)
	})
}

func TestVectorTruncate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := randomBlock(t, "rows")
		n := rapid.IntRange(0, b.Rows()).Draw(t, "n")
		want := rowsOf(&b)[:n]
		for c := range b.Vectors {
			if b.Vectors[c].Type.Kind == rowset.Array {
				appendRandom(t, b.Vectors[c].Elements()) // of a value that is not complete
			}
			b.Vectors[c].Truncate(n)
		}
		wantRows(t, "truncated", &b, want)
		more := randomBlock(t, "rows appended")
		want = append(want, rowsOf(&more)...)
		b.Append(&more)
		wantRows(t, "truncated and appended", &b, want)
	})
}

func TestVectorAppendDefault(t *testing.T) {
	t.Parallel()
	for _, c := range allColumns {
		v := rowset.Vector{Type: c.Type}
		v.AppendDefault()
		want := map[rowset.TypeKind]string{
			rowset.Decimal: `"0"`, rowset.String: `""`, rowset.Enum: `""`, rowset.Array: "[]", rowset.Bytes: `""`,
			rowset.UUID: fmt.Sprintf("%q", make([]byte, 16)),
		}[c.Type.Kind]
		switch {
		case c.Type.Nullable && c.Type.Kind != rowset.Array:
			want = "null"
		case want == "":
			want = "0"
		}
		if got := value(&v, 0); v.Len() != 1 || got != want {
			t.Errorf("%s: got %s, want %s", c.Name, got, want)
		}
	}
}

// TestVectorAppendFrom copies values and nulls from a vector that may hold nulls.
func TestVectorAppendFrom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, out := randomBlock(t, "rows"), rowset.NewBlock(allColumns)
		var want [][]string
		for range rapid.IntRange(0, 4).Draw(t, "copies") {
			if b.Rows() == 0 {
				break
			}
			r := rapid.IntRange(0, b.Rows()-1).Draw(t, "row")
			want = append(want, rowsOf(&b)[r])
			for c := range out.Vectors {
				out.Vectors[c].AppendFrom(&b.Vectors[c], r)
			}
		}
		wantRows(t, "copied", &out, want)
	})
}

func TestVectorAppendDataCopies(t *testing.T) {
	t.Parallel()
	v := rowset.Vector{Type: kind(rowset.String)}
	data := []byte("before")
	v.AppendData(data)
	copy(data, "after!")
	if got, want := string(v.At(0)), "before"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEmptyBlock(t *testing.T) {
	t.Parallel()
	for name, columns := range map[string][]rowset.Column{"no columns": nil, "no rows": plainColumns} {
		b := rowset.NewBlock(columns)
		if got := b.Rows(); got != 0 {
			t.Errorf("%s: got %d rows, want 0", name, got)
		}
		out := b.Without(nil)
		if got, want := len(out.Vectors), len(columns); got != want || out.Rows() != 0 {
			t.Errorf("%s: got %d vectors and %d rows, want %d and 0", name, got, out.Rows(), want)
		}
	}
}
