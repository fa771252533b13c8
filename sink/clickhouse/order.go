package clickhouse

import (
	"context"
	"slices"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Ordered tells whether keys are in canonical order. See [sink.Reader].
func (c *Client) Ordered(ctx context.Context, s sink.Selection) (bool, error) {
	r, err := c.startReading(ctx, s)
	if err != nil {
		return false, err
	}
	for i, name := range s.Key {
		at := slices.IndexFunc(s.Columns, func(w rowset.Column) bool { return w.Destination == name })
		if !r.keys[i].orders(s.Columns[at]) {
			return false, nil
		}
	}
	return true, nil
}

// orders reports whether the server sorts the column in the canonical order of the values that come
// into it. UUIDs are sorted by their second half first, and a text in the place of another kind is
// sorted as a text.
func (c column) orders(from rowset.Column) bool {
	if from.Cast != "" || c.dimensions > 0 || c.dictionary {
		return false
	}
	_, whole := integers[c.base]
	switch from.Type.Kind {
	case rowset.Bool, rowset.Int16, rowset.Int32, rowset.Int64, rowset.Uint8, rowset.Uint64:
		return whole || c.base == "Bool"
	case rowset.Decimal:
		return c.base == "Decimal"
	case rowset.String, rowset.Bytes:
		return c.base == "String"
	case rowset.Date:
		return c.base == "Date" || c.base == "Date32"
	case rowset.Timestamp:
		return c.base == "DateTime" || c.base == "DateTime64"
	default:
		return false
	}
}
