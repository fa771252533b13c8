package clickhouse

import "github.com/chferry/chferry/rowset"

// texts writes values of kinds that are no texts.
func (c *converter) texts() {
	switch c.from.Type.Kind {
	case rowset.String, rowset.Enum, rowset.Bytes, rowset.Decimal:
		return
	}
	out := rowset.Vector{Type: c.values.Type, Null: c.from.Null, Ends: make([]int, c.from.Len())}
	for i := range out.Ends {
		if !c.from.IsNull(i) {
			out.Data = c.from.AppendText(out.Data, i)
		}
		out.Ends[i] = len(out.Data)
	}
	c.values = out
}
