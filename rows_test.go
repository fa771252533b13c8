package chferry_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
)

var (
	plainColumns = []chferry.Column{
		{Name: "id", Type: kind(chferry.Int64)}, {Name: "score", Type: kind(chferry.Float64)}, {Name: "name", Type: kind(chferry.String)},
	}
	allColumns = func() []chferry.Column {
		var columns []chferry.Column
		for k := chferry.Bool; k <= chferry.Enum; k++ {
			columns = append(columns,
				chferry.Column{Name: k.String(), Type: kind(k)}, chferry.Column{Name: k.String() + "?", Type: chferry.Type{Kind: k, Nullable: true}})
		}
		for _, of := range []chferry.TypeKind{chferry.Int32, chferry.Float64, chferry.String} {
			for dimensions := range 3 {
				name := fmt.Sprintf("%s of %d dimensions", of, dimensions+1)
				columns = append(columns, chferry.Column{Name: name, Type: chferry.Type{Kind: chferry.Array, Element: of, Dimensions: dimensions + 1, Nullable: dimensions != 1}})
			}
		}
		return columns
	}()
)

// value returns value i of a vector as a text, to compare with.
func value(v *chferry.Vector, i int) string {
	switch {
	case v.IsNull(i):
		return "null"
	case v.Type.Kind == chferry.Array:
		elements := []string{}
		for start, end := v.Span(i); start < end; start++ {
			elements = append(elements, value(v.Elements(), start))
		}
		return fmt.Sprint(elements)
	case v.Type.Kind == chferry.Float32 || v.Type.Kind == chferry.Float64:
		return fmt.Sprint(v.Floats[i])
	case v.Type.Kind == chferry.Decimal || v.Type.Kind == chferry.String || v.Type.Kind == chferry.Enum || v.Type.Kind == chferry.Bytes || v.Type.Kind == chferry.UUID:
		return fmt.Sprintf("%q", v.At(i))
	default:
		return fmt.Sprint(v.Ints[i])
	}
}

func rowsOf(b *chferry.Block) [][]string {
	rows := make([][]string, b.Rows())
	for r := range rows {
		for c := range b.Vectors {
			rows[r] = append(rows[r], value(&b.Vectors[c], r))
		}
	}
	return rows
}

// appendRandom appends a random value, or a null.
func appendRandom(t *rapid.T, v *chferry.Vector) {
	if v.Type.Nullable && rapid.Bool().Draw(t, "null") {
		v.AppendNull()
		return
	}
	switch v.Type.Kind {
	case chferry.Float32, chferry.Float64:
		v.AppendFloat(rapid.Float64().Draw(t, "float"))
	case chferry.Array:
		for range rapid.IntRange(0, 2).Draw(t, "elements") {
			appendRandom(t, v.Elements())
		}
		v.AppendArray()
	case chferry.Decimal, chferry.String, chferry.Enum, chferry.Bytes, chferry.UUID:
		v.AppendData(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "data"))
	default:
		v.AppendInt(rapid.Int64Range(-2, 2).Draw(t, "int"))
	}
}

func randomBlock(t *rapid.T, name string) chferry.Block {
	b := chferry.NewBlock(allColumns)
	for range rapid.IntRange(0, 6).Draw(t, name) {
		for c := range b.Vectors {
			appendRandom(t, &b.Vectors[c])
		}
	}
	return b
}

func wantRows(t *rapid.T, what string, b *chferry.Block, want [][]string) {
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
			if b.Vectors[c].Type.Kind == chferry.Array {
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
		v := chferry.Vector{Type: c.Type}
		v.AppendDefault()
		want := map[chferry.TypeKind]string{
			chferry.Decimal: `"0"`, chferry.String: `""`, chferry.Enum: `""`, chferry.Array: "[]", chferry.Bytes: `""`, chferry.UUID: fmt.Sprintf("%q", make([]byte, 16)),
		}[c.Type.Kind]
		switch {
		case c.Type.Nullable && c.Type.Kind != chferry.Array:
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
		b, out := randomBlock(t, "rows"), chferry.NewBlock(allColumns)
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
	v := chferry.Vector{Type: kind(chferry.String)}
	data := []byte("before")
	v.AppendData(data)
	copy(data, "after!")
	if got, want := string(v.At(0)), "before"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEmptyBlock(t *testing.T) {
	t.Parallel()
	for name, columns := range map[string][]chferry.Column{"no columns": nil, "no rows": plainColumns} {
		b := chferry.NewBlock(columns)
		if got := b.Rows(); got != 0 {
			t.Errorf("%s: got %d rows, want 0", name, got)
		}
		out := b.Without(nil)
		if got, want := len(out.Vectors), len(columns); got != want || out.Rows() != 0 {
			t.Errorf("%s: got %d vectors and %d rows, want %d and 0", name, got, out.Rows(), want)
		}
	}
}
