package sqlite

import (
	"errors"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// severalForms tells whether equal keys may be stored in different forms, and so far from each other.
func (r *tableRange) severalForms() bool {
	return slices.ContainsFunc(r.table.KeyTypes(), func(t rowset.Type) bool { return formsOf(t.Kind) > 1 })
}

// stop is a row of a page that is read by keys.
type stop struct {
	place string
	key   chferry.PrimaryKey
	holds bool
}

// readByKeys reads the keys of a page first, and then the rows that have them.
func (r *tableRange) readByKeys(of source.Range, rows int) (source.Page, error) {
	var stops []stop
	err := r.inside(of, []string{r.values()}, rows+1, false, func(holds bool, values []any) error {
		stops = append(stops, stop{placeOf(values), keyOf(r.table.KeyTypes(), values), holds})
		return nil
	})
	if err != nil {
		return source.Page{}, err
	}
	isLast := len(stops) <= rows
	for stops = stops[:min(rows, len(stops))]; ; isLast = false {
		page, err := r.rowsAt(stops)
		var tooMuch *source.TooMuchError
		if !errors.As(err, &tooMuch) || tooMuch.Slow {
			page.Done = isLast
			return page, err
		}
		stops = stops[:max(1, min(tooMuch.Rows, len(stops)/2))]
	}
}

// rowsAt fetches the rows of keys.
func (r *tableRange) rowsAt(stops []stop) (source.Page, error) {
	page := source.Page{Rows: rowset.Rows{Block: rowset.NewBlock(r.table.Columns)}}
	var keys []chferry.PrimaryKey
	vectors := make([]rowset.Vector, len(r.table.PrimaryKey))
	for i, t := range r.table.KeyTypes() {
		vectors[i].Type = t
	}
	seen := map[string]bool{}
	for _, s := range stops {
		page.Last = s.place
		name := strings.Join(s.key, "\x00\x00")
		if !s.holds || seen[name] {
			continue
		}
		seen[name] = true
		if rowset.AppendPrimaryKey(vectors, s.key) != nil {
			page.AddUnfit(s.key, "table "+r.table.Name+": the primary key holds "+otherForm)
			continue
		}
		keys = append(keys, s.key)
	}
	rows, err := r.Fetch(r.ctx, r.table, vectors)
	if err != nil {
		return source.Page{}, err
	}
	at := make([]int, len(keys)) // from 1, the row of each key; 0: none
	for i, key := range rows.Key {
		at[key] = i + 1
	}
	for _, i := range at {
		for c := range page.Vectors {
			if i > 0 {
				page.Vectors[c].AppendFrom(&rows.Vectors[c], i-1)
			}
		}
	}
	for _, u := range rows.Unfit {
		page.AddUnfit(keys[u.Key], u.Reason)
	}
	return page, nil
}
