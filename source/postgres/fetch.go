package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Fetch implements [source.Source]. Keys are compared by the server, as values of the columns' types. It returns
// [chferry.CodeSourceChanged] if the table is not the one that was described, and [chferry.CodeSchemaMismatch] for a column of
// a type that is not supported and for one that changed since it was described. For a column that was dropped since it is
// [chferry.CodeUnavailable]: described anew, the table can be read. A [source.TooMuchError] costs the connection. A statement that
// the server ends by its statement_timeout gives one, too, and [chferry.CodeUnavailable] for a single key.
func (s *Source) Fetch(ctx context.Context, table rowset.Table, keys []rowset.Vector) (rowset.Rows, error) {
	name, err := s.relation(table.Name)
	if err != nil {
		return rowset.Rows{}, err
	}
	if err := fetchable(table, keys); err != nil {
		return rowset.Rows{}, err
	}
	if len(keys) == 0 || keys[0].Len() == 0 {
		return rowset.Rows{Block: rowset.NewBlock(table.Columns)}, nil
	}
	l := lookupOf(table, name, keys)
	reader := newRowReader(table, keys[0].Len(), l.position, s.maxBytes)
	fetch := statement{sql: l.sql, params: l.params, resultFormats: reader.formats, read: reader.read}
	began := time.Now()
	if err := s.transaction(ctx, table.Name, fetch, s.sameTable(table, name)); err != nil {
		if s.timedOut(err, time.Since(began)) {
			err = cmp.Or(source.TooSlow(keys[0].Len()), err)
		}
		return rowset.Rows{}, err
	}
	if len(reader.nulls) > 0 {
		if err := s.stillNotNull(ctx, table, name, reader.nulls); err != nil {
			return rowset.Rows{}, err
		}
	}
	source.Repeated(&reader.rows, reader.repeated, table.Name)
	return reader.rows, nil
}

// stillNotNull refuses columns that held nulls although they were described as NOT NULL, if that has changed since.
func (s *Source) stillNotNull(ctx context.Context, table rowset.Table, name relation, columns map[int]bool) error {
	now, _, err := s.catalog(ctx, table.Name, name)
	if err != nil {
		return err
	}
	for i := range columns {
		c := table.Columns[i]
		if !slices.ContainsFunc(now.columns, func(a attribute) bool { return a.Name == c.Name && a.neverNull }) {
			return changed(table, c, "nulls, other")
		}
	}
	return nil
}

// fetchable refuses what the caller of Fetch got wrong.
func fetchable(table rowset.Table, keys []rowset.Vector) error {
	for _, c := range table.Columns {
		if c.Type.Kind == 0 {
			return chferry.Errorf(chferry.CodeSchemaMismatch, "column %q of table %s has the type %s, which is not supported: name it in columns.exclude",
				c.Name, table.Name, c.SourceType)
		}
	}
	if len(keys) > 0 && len(keys) != len(table.PrimaryKey) {
		return chferry.Errorf(chferry.CodeInvalid, "the primary key of table %s has %d columns, the keys have %d", table.Name, len(table.PrimaryKey), len(keys))
	}
	return nil
}

// rowReader turns the wire's rows into column vectors.
type rowReader struct {
	table    rowset.Table
	position func(first int64) int // of a row's key, by the row's first column
	formats  []int16
	readers  []valueReader
	rows     rowset.Rows
	seen     []bool       // by key
	repeated map[int]bool // keys that several rows have
	nulls    map[int]bool // columns that held nulls although they are NOT NULL
	maxBytes int
}

// sample is after how many rows the room for the texts of all is made.
const sample = 128

func newRowReader(table rowset.Table, keys int, position func(int64) int, maxBytes int) *rowReader {
	r := &rowReader{
		table: table, position: position, formats: []int16{binaryFormat}, seen: make([]bool, keys), maxBytes: maxBytes,
		repeated: map[int]bool{}, nulls: map[int]bool{},
		rows: rowset.Rows{Block: rowset.NewBlock(table.Columns), Key: make([]int, 0, keys)},
	}
	for i, c := range table.Columns {
		reader := readerOf(c.Type)
		r.formats = append(r.formats, reader.format)
		r.readers = append(r.readers, reader)
		reserve(&r.rows.Vectors[i], keys)
	}
	return r
}

func (r *rowReader) read(rr *pgconn.ResultReader) error {
	for first := true; rr.NextRow(); first = false {
		if first {
			if err := r.sameTypes(rr.FieldDescriptions()); err != nil {
				return err
			}
		}
		r.readRow(rr.Values())
		if err := source.TooMuch(&r.rows, r.maxBytes); err != nil {
			return err
		}
	}
	_, err := rr.Close()
	return err
}

// sameTypes makes sure that the values on the wire are what the readers expect.
func (r *rowReader) sameTypes(fields []pgconn.FieldDescription) error {
	for i, c := range r.table.Columns {
		if !sameType(fields[i+1], c) {
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
	return chferry.Errorf(chferry.CodeSchemaMismatch, "column %q of table %s has %s than when it was described: it was changed meanwhile",
		c.Name, table.Name, what)
}

func (r *rowReader) readRow(row [][]byte) {
	key := r.position(int64At(row[0]))
	if key < 0 {
		return
	}
	if r.seen[key] {
		r.repeated[key] = true
		return
	}
	r.seen[key] = true
	before := r.rows.Rows()
	for i := range r.readers {
		reader, value, what := &r.readers[i], row[i+1], ""
		switch {
		case value == nil:
			what = r.readNull(i)
		case reader.unfit != nil:
			what = reader.unfit(value)
		}
		if what == "" && value != nil && !reader.read(&r.rows.Vectors[i], value) {
			what = "a value whose form on the wire is not that of its type"
		}
		if what != "" {
			r.unfit(key, i, before, what)
			return
		}
	}
	if r.rows.Key = append(r.rows.Key, key); len(r.rows.Key) == sample {
		r.reserveTexts()
	}
}

// readNull appends a null to column i. It says that it is one if the column can't hold nulls.
func (r *rowReader) readNull(i int) (what string) {
	if v := &r.rows.Vectors[i]; v.Type.Nullable {
		v.AppendNull()
		return ""
	}
	r.nulls[i] = true
	return "a null, although the table says NOT NULL"
}

// reserveTexts makes room for texts as long as those so far, so that vectors of short ones need not grow, and none takes more
// than may be read.
func (r *rowReader) reserveTexts() {
	for i := range r.rows.Vectors {
		v := &r.rows.Vectors[i]
		v.Data = slices.Grow(v.Data, min(len(v.Data)*len(r.seen)/sample, r.maxBytes))
	}
}

// unfit takes back the row whose column i can't hold its value.
func (r *rowReader) unfit(key, i, before int, what string) {
	for j := range r.rows.Vectors[:i+1] {
		r.rows.Vectors[j].Truncate(before)
	}
	c := r.table.Columns[i]
	r.rows.Unfit = append(r.rows.Unfit, rowset.Unfit{
		Key: key, Reason: fmt.Sprintf("table %s: column %q (%s) holds %s", r.table.Name, c.Name, c.SourceType, what),
	})
}
