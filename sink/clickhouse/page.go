package clickhouse

import (
	"context"
	"fmt"
	"slices"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Page reads the first rows of a range. See [sink.Reader].
func (c *Client) Page(ctx context.Context, s sink.Selection, of sink.Range, most int) (sink.Page, error) {
	r, err := c.startReading(ctx, s)
	if err != nil {
		return sink.Page{}, err
	}
	return r.page(ctx, of, most)
}

func (r *reading) page(ctx context.Context, of sink.Range, most int) (sink.Page, error) {
	condition, err := r.within(of)
	if err != nil {
		return sink.Page{}, err
	}
	page := sink.Page{Hashed: r.newHashed()}
	err = r.rows(ctx, &page.Hashed, fmt.Sprintf("%s ORDER BY %s LIMIT %d", r.from(condition), quoteAll(r.Key), most))
	if err != nil {
		return sink.Page{}, err
	}
	page.Done = page.Keys.Rows() < most
	return page, nil
}

func (r *reading) newHashed() sink.Hashed {
	columns := make([]rowset.Column, len(r.Key))
	for i, name := range r.Key {
		columns[i] = r.Columns[slices.IndexFunc(r.Columns, func(w rowset.Column) bool { return w.Destination == name })]
	}
	return sink.Hashed{Keys: rowset.NewBlock(columns)}
}

// rows appends keys and hashes of rows.
func (r *reading) rows(ctx context.Context, to *sink.Hashed, from string) error {
	row := r.newRowForm()
	return r.read(ctx, "read keys of "+r.table.String(), func(scan func(...any) error) error {
		if err := scan(row.targets...); err != nil {
			return err
		}
		key, hash, err := row.scanned()
		if err != nil {
			return err
		}
		if len(r.hashed) > 0 {
			to.Hashes = append(to.Hashes, hash)
		}
		return appendRowBinaryKey(to.Keys.Vectors, r.keys, key)
	}, "SELECT "+row.sql+from)
}

// rowForm is how a row's key and hash are asked for, and found in the answer.
type rowForm struct {
	sql     string // what a query selects
	targets []any  // of a scan
	// scanned returns the key, as RowBinary, and the hash of the row that was scanned last.
	scanned func() (key []byte, hash uint64, err error)
}

func (r *reading) newRowForm() rowForm {
	if r.here {
		return r.newRowFormHere()
	}
	var key string
	var hash uint64
	return rowForm{
		sql:     "formatRow('RowBinary', " + quoteAll(r.Key) + "), " + r.hashSQL(),
		targets: []any{&key, &hash},
		scanned: func() ([]byte, uint64, error) { return []byte(key), hash, nil },
	}
}

// newRowFormHere asks for the values.
func (r *reading) newRowFormHere() rowForm {
	keys, hashed := newScannedRow(r.keys), newScannedRow(r.hashed)
	form := rowForm{sql: keys.sql(), targets: append(keys.targets(), hashed.targets()...)}
	if len(r.hashed) > 0 {
		form.sql += ", " + hashed.sql()
	}
	form.scanned = func() ([]byte, uint64, error) {
		hash, err := hashed.hash()
		if err != nil {
			return nil, 0, err
		}
		key, err := keys.rowBinary()
		return key, hash, err
	}
	return form
}

// hashSQL is the expression for a row's hash.
func (r *reading) hashSQL() string {
	if len(r.Hashed) == 0 {
		return "toUInt64(0)"
	}
	return "xxHash64(formatRow('RowBinary', " + quoteAll(r.Hashed) + "))"
}
