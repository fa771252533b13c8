package clickhouse

import (
	"context"
	"slices"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Find looks rows up by their keys. See [sink.Reader].
func (c *Client) Find(ctx context.Context, s sink.Selection, keys rowset.Block) (sink.Hashed, error) {
	r, err := c.startReading(ctx, s)
	if err != nil {
		return sink.Hashed{}, err
	}
	return r.find(ctx, keys)
}

func (r *reading) find(ctx context.Context, keys rowset.Block) (sink.Hashed, error) {
	out := r.newHashed()
	if keys.Rows() == 0 {
		return out, nil
	}
	parts := make([]keyValues, len(r.keys))
	for i, column := range r.keys {
		var err error
		if parts[i], err = keyValuesOf(column, &keys, r.features); err != nil {
			return sink.Hashed{}, err
		}
	}
	var rows []int
	for row := range keys.Rows() {
		if !slices.ContainsFunc(parts, func(k keyValues) bool { return k.unfit[row] }) {
			rows = append(rows, row)
		}
	}
	for len(rows) > 0 {
		n := fittingKeys(parts, rows, r.mostQuery())
		if err := r.rows(ctx, &out, r.from(keyList(parts, rows[:n]))); err != nil {
			return sink.Hashed{}, err
		}
		rows = rows[n:]
	}
	return out, nil
}

// mostQuery is how many bytes of keys a query may have.
func (r *reading) mostQuery() int {
	if r.features.settings[querySizeSetting] {
		return mostQuery
	}
	return usualQuery
}

// fittingKeys returns how many of the keys, at least one, fit into a query.
func fittingKeys(parts []keyValues, rows []int, most int) int {
	const escaped = 4 // bytes that a separator takes
	size := 0
	for n, row := range rows {
		for _, k := range parts {
			size += len(quoteText(k.cells[row])) + escaped
		}
		if size > most && n > 0 {
			return n
		}
	}
	return len(rows)
}
