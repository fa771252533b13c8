package postgres

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// pageReader reads the rows of a page, which come in the order of the key. Rows of one key are neighbours.
type pageReader struct {
	*blockReader
	order    keyOrder
	selected []string // expressions: the key's extras, then the table's columns
	extras   int      // how many of them are extras
	fields   []keyField
	limit    int // rows
	page     source.Page

	count int      // rows that came
	last  [][]byte // what the last row's fields held; nil before the first row
	state rowState // of the last row
	full  bool     // the page ends before a row that came
}

// rowState is what became of a row.
type rowState uint8

const (
	carried rowState = iota
	unfit
	repeated // and not carried
)

// keyField is where a row has a value of the key.
type keyField struct {
	value int                 // index into the row
	text  func([]byte) string // of the value
	same  int                 // index of what is equal if the server holds the values equal
}

func newPageReader(table rowset.Table, order keyOrder, rows, maxBytes int) *pageReader {
	const mostExpected = 1 << 16
	r := &pageReader{blockReader: newBlockReader(table, min(rows, mostExpected), maxBytes), order: order, limit: rows}
	formats := r.formats
	r.formats = nil
	extras := order.extras()
	for i, extra := range extras {
		if extra == "" {
			continue
		}
		extras[i] = strconv.Itoa(r.extras)
		r.extras++
		r.selected, r.formats = append(r.selected, extra), append(r.formats, textFormat)
	}
	for i, c := range table.PrimaryKey {
		kind := table.Columns[c].Type.Kind
		f := keyField{value: r.extras + c, text: keyTexts[kind]}
		f.same = f.value
		if at, err := strconv.Atoi(extras[i]); err == nil {
			if f.same = at; !table.Columns[c].Folds {
				f.value = at
			}
		}
		if f.text == nil {
			f.text = func(b []byte) string { return string(b) }
		}
		r.fields = append(r.fields, f)
	}
	for i, c := range table.Columns {
		r.selected, r.formats = append(r.selected, selected(c)), append(r.formats, formats[i])
	}
	return r
}

// keyTexts write values that come in binary. The others come as the text that they are.
var keyTexts = map[rowset.TypeKind]func([]byte) string{
	rowset.Bool: func(b []byte) string {
		if len(b) == 1 && b[0] == 1 {
			return "t"
		}
		return "f"
	},
	rowset.Int16: numberText(readInt16), rowset.Int32: numberText(readInt32), rowset.Int64: numberText(readInt64),
	rowset.UUID: func(b []byte) string {
		if len(b) != 16 {
			return ""
		}
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	},
	rowset.Bytes: func(b []byte) string { return `\x` + hex.EncodeToString(b) },
}

func numberText(read func(*rowset.Vector, []byte) bool) func([]byte) string {
	return func(b []byte) string {
		var v rowset.Vector
		if !read(&v, b) {
			return ""
		}
		return strconv.FormatInt(v.Ints[0], 10)
	}
}

func (r *pageReader) read(rr *pgconn.ResultReader) error {
	for rr.NextRow() {
		if r.count == 0 {
			if err := r.sameTypes(rr.FieldDescriptions()[r.extras:]); err != nil {
				return err
			}
		}
		r.count++
		if err := r.row(rr.Values()); err != nil {
			return err
		}
	}
	_, err := rr.Close()
	return err
}

// row reads a row. It returns a [source.TooMuchError] if the page ends before it.
func (r *pageReader) row(row [][]byte) error {
	same := r.last != nil
	for i, f := range r.fields {
		if row[f.value] == nil || row[f.same] == nil {
			return holdsNulls(r.table, i)
		}
		same = same && bytes.Equal(row[f.same], r.last[2*i+1])
	}
	if same {
		r.repeat()
		return nil
	}
	if r.count > r.limit {
		r.full = true // and no more rows come
		return nil
	}
	before := r.block.Rows()
	reason := r.append(row[r.extras:])
	if reason == "" && before > 0 && r.block.Bytes() > r.maxBytes {
		r.truncate(before)
		r.full = true
		return &source.TooMuchError{Rows: before}
	}
	r.remember(row)
	if r.state = carried; reason != "" {
		r.state = unfit
		r.page.AddUnfit(r.key(), reason)
	}
	return nil
}

// remember keeps what the row's fields hold.
func (r *pageReader) remember(row [][]byte) {
	if r.last == nil {
		r.last = make([][]byte, 2*len(r.fields))
	}
	for i, f := range r.fields {
		r.last[2*i] = append(r.last[2*i][:0], row[f.value]...)
		r.last[2*i+1] = append(r.last[2*i+1][:0], row[f.same]...)
	}
}

// repeat takes back the last row: another one has its key.
func (r *pageReader) repeat() {
	switch r.state {
	case repeated:
		return
	case carried:
		r.truncate(r.block.Rows() - 1)
	case unfit:
		r.page.TakeUnfit()
	}
	r.state = repeated
	r.page.AddUnfit(r.key(), source.RepeatedReason(r.table.Name))
}

// key is the last row's.
func (r *pageReader) key() chferry.PrimaryKey {
	key := make(chferry.PrimaryKey, len(r.fields))
	for i, f := range r.fields {
		key[i] = f.text(r.last[2*i])
	}
	return key
}

// done returns the page.
func (r *pageReader) done() (source.Page, error) {
	r.page.Block = r.block
	r.page.Done = !r.full && r.count <= r.limit
	if r.last == nil {
		return r.page, nil
	}
	var err error
	r.page.Last, err = r.order.place(r.key())
	return r.page, err
}
