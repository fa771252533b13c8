package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Fetch implements [source.Source]. Keys are compared by the server, as values of the columns'
// types. It returns [chferry.CodeSourceChanged] if the table is not the one that was described, and
// [chferry.CodeSchemaMismatch] for a column of a type that is not supported and for one that
// changed since it was described. For a column that was dropped since it is
// [chferry.CodeUnavailable]: described anew, the table can be read. A [source.TooMuchError] costs
// the connection. A statement that the server ends by its statement_timeout gives one, too, and
// [chferry.CodeUnavailable] for a single key.
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
			return chferry.Errorf(chferry.CodeSchemaMismatch,
				"column %q of table %s has the type %s, which is not supported: name it in columns.exclude",
				c.Name, table.Name, c.SourceType)
		}
	}
	if len(keys) > 0 && len(keys) != len(table.PrimaryKey) {
		return chferry.Errorf(chferry.CodeInvalid, "the primary key of table %s has %d columns, the keys have %d",
			table.Name, len(table.PrimaryKey), len(keys))
	}
	return nil
}

// rowReader turns the rows of keys into column vectors.
type rowReader struct {
	*blockReader
	position func(first int64) int // of a row's key, by the row's first column
	rows     rowset.Rows           // with the reader's block
	seen     []bool                // by key
	repeated map[int]bool          // keys that several rows have
}

func newRowReader(table rowset.Table, keys int, position func(int64) int, maxBytes int) *rowReader {
	r := &rowReader{
		blockReader: newBlockReader(table, keys, maxBytes), position: position, seen: make([]bool, keys),
		repeated: map[int]bool{},
	}
	r.formats = slices.Insert(r.formats, 0, binaryFormat)
	r.rows.Block, r.rows.Key = r.block, make([]int, 0, keys)
	return r
}

func (r *rowReader) read(rr *pgconn.ResultReader) error {
	for first := true; rr.NextRow(); first = false {
		if first {
			if err := r.sameTypes(rr.FieldDescriptions()[1:]); err != nil {
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
	if reason := r.append(row[1:]); reason != "" {
		r.rows.Unfit = append(r.rows.Unfit, rowset.Unfit{Key: key, Reason: reason})
		return
	}
	r.rows.Key = append(r.rows.Key, key)
}
