package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// blockReader turns the wire's rows into column vectors.
type blockReader struct {
	table    rowset.Table
	formats  []int16
	readers  []valueReader
	block    rowset.Block // its vectors are shared, never replaced
	nulls    map[int]bool // columns that held nulls although they are NOT NULL
	expected int          // rows
	maxBytes int
}

// sample is after how many rows the room for the texts of all is made.
const sample = 128

// newBlockReader makes room for the rows that are expected. More may come.
func newBlockReader(table rowset.Table, expected, maxBytes int) *blockReader {
	r := &blockReader{
		table: table, block: rowset.NewBlock(table.Columns), nulls: map[int]bool{}, expected: expected,
		maxBytes: maxBytes,
	}
	for i, c := range table.Columns {
		reader := readerOf(c)
		if c.Type.Kind == rowset.Timestamp && slices.Contains(table.PrimaryKey, i) {
			reader.unfit = uncountable
		}
		r.formats = append(r.formats, reader.format)
		r.readers = append(r.readers, reader)
		reserve(&r.block.Vectors[i], expected)
	}
	return r
}

// sameTypes makes sure that the values on the wire are what the readers expect.
func (r *blockReader) sameTypes(fields []pgconn.FieldDescription) error {
	for i, c := range r.table.Columns {
		if !sameType(fields[i], c) {
			return changed(r.table, c, "another type")
		}
	}
	return nil
}

func sameType(field pgconn.FieldDescription, c rowset.Column) bool {
	now := typeOf(field.DataTypeOID, field.TypeModifier)
	now.Nullable = c.Type.Nullable
	switch c.Type.Kind {
	case rowset.Array:
		return isArrayOf(c, field.DataTypeOID)
	case rowset.Enum: // on the wire a type like any other that is not PostgreSQL's own
		return now.Kind == rowset.String
	default:
		return now == c.Type
	}
}

func changed(table rowset.Table, c rowset.Column, what string) error {
	return chferry.Errorf(chferry.CodeSchemaMismatch,
		"column %q of table %s has %s than when it was described: it was changed meanwhile",
		c.Name, table.Name, what)
}

// append appends a row. If the row has a value that its column can't hold, append appends nothing and says which.
func (r *blockReader) append(row [][]byte) (reason string) {
	before := r.block.Rows()
	for i := range r.readers {
		reader, value, what := &r.readers[i], row[i], ""
		switch {
		case value == nil:
			what = r.readNull(i)
		case reader.unfit != nil:
			what = reader.unfit(value)
		}
		if what == "" && value != nil && !reader.read(&r.block.Vectors[i], value) {
			what = "a value whose form on the wire is not that of its type"
		}
		if what != "" {
			for j := range r.block.Vectors[:i+1] {
				r.block.Vectors[j].Truncate(before)
			}
			c := r.table.Columns[i]
			return fmt.Sprintf("table %s: column %q (%s) holds %s", r.table.Name, c.Name, c.SourceType, what)
		}
	}
	if before+1 == sample {
		r.reserveTexts()
	}
	return ""
}

// truncate takes back all rows but the first n.
func (r *blockReader) truncate(n int) {
	for i := range r.block.Vectors {
		r.block.Vectors[i].Truncate(n)
	}
}

// readNull appends a null to column i. It says that it is one if the column can't hold nulls.
func (r *blockReader) readNull(i int) (what string) {
	if v := &r.block.Vectors[i]; v.Type.Nullable {
		v.AppendNull()
		return ""
	}
	r.nulls[i] = true
	return "a null, although the table says NOT NULL"
}

// reserveTexts makes room for texts as long as those so far, so that vectors of short ones need not
// grow, and none takes more than may be read.
func (r *blockReader) reserveTexts() {
	for i := range r.block.Vectors {
		v := &r.block.Vectors[i]
		v.Data = slices.Grow(v.Data, min(len(v.Data)*r.expected/sample, r.maxBytes))
	}
}
