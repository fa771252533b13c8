package rowset

import (
	"slices"
)

// Block is a set of rows, column by column; Vectors[i] holds the values of Columns[i].
type Block struct {
	Columns []Column
	Vectors []Vector
}

// NewBlock returns a block without rows.
func NewBlock(columns []Column) Block {
	b := Block{Columns: columns, Vectors: make([]Vector, len(columns))}
	for i, c := range columns {
		b.Vectors[i].Type = c.Type
	}
	return b
}

// Rows returns the number of rows.
func (b *Block) Rows() int {
	if len(b.Vectors) == 0 {
		return 0
	}
	return b.Vectors[0].Len()
}

// Slice returns the rows from first up to last, not included. It shares memory with b, so neither may be appended to.
func (b *Block) Slice(first, last int) Block {
	out := Block{Columns: b.Columns, Vectors: make([]Vector, len(b.Vectors))}
	for i := range out.Vectors {
		out.Vectors[i] = b.Vectors[i].Slice(first, last)
	}
	return out
}

// Bytes returns about how much memory the rows take.
func (b *Block) Bytes() int {
	n := 0
	for i := range b.Vectors {
		n += b.Vectors[i].Bytes()
	}
	return n
}

// Append appends the rows of from, whose columns must be the same.
func (b *Block) Append(from *Block) {
	for c := range b.Vectors {
		b.Vectors[c].appendAll(&from.Vectors[c])
	}
}

// Without returns the rows of b but those in rows, which must be in ascending order.
func (b *Block) Without(rows []int) Block {
	if len(rows) == 0 {
		return *b
	}
	out := NewBlock(b.Columns)
	for r, next := 0, 0; r < b.Rows(); r++ {
		if next < len(rows) && rows[next] == r {
			next++
			continue
		}
		for c := range out.Vectors {
			out.Vectors[c].AppendFrom(&b.Vectors[c], r)
		}
	}
	return out
}

// Arrange returns the rows of b with other columns, told by their names in the destination. One
// that b lacks holds nulls, or the zero value of its type. The vectors become the result's.
func (b *Block) Arrange(columns []Column) Block {
	same := func(x, y Column) bool { return x.Destination == y.Destination }
	if slices.EqualFunc(b.Columns, columns, same) {
		return *b
	}
	out := NewBlock(columns)
	for i, c := range columns {
		if from := slices.IndexFunc(b.Columns, func(has Column) bool { return same(has, c) }); from >= 0 {
			out.Vectors[i] = b.Vectors[from]
			continue
		}
		for range b.Rows() {
			out.Vectors[i].AppendDefault()
		}
	}
	return out
}

// Rows are rows that a source found, and for each the index of the key it was found by.
type Rows struct {
	Block
	Key []int
	// Unfit are the rows that were found too, but hold a value that their column's type can't: they are in no block.
	Unfit []Unfit
}

// Unfit is a row that exists in the source and can't be carried, for which its operation is set aside.
type Unfit struct {
	Key int // the index of the key it was found by
	// Reason names table, column and kind of value; it never holds the value.
	Reason string
}
