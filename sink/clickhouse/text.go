package clickhouse

import "github.com/chferry/chferry/rowset"

// texts writes values of kinds that are no texts. It rejects those that have no text.
func (c *converter) texts() {
	switch c.from.Type.Kind {
	case rowset.String, rowset.Enum, rowset.Bytes, rowset.Decimal:
		return
	}
	out := rowset.Vector{Type: c.values.Type, Null: c.from.Null, Ends: make([]int, c.from.Len())}
	isTimestamp := c.from.Type.Kind == rowset.Timestamp
	for i := range out.Ends {
		switch {
		case c.from.IsNull(i):
		case isTimestamp && c.from.Ints[i] == rowset.Uncountable:
			c.reject(i, rowset.UncountableTimestamp)
		default:
			out.Data = c.from.AppendText(out.Data, i)
		}
		out.Ends[i] = len(out.Data)
	}
	c.values = out
}
