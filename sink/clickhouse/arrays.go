package clickhouse

import (
	"sort"

	"github.com/chferry/chferry/rowset"
)

// canonicalArrays converts a vector of arrays, one dimension at a time. Elements are never in a
// key.
func (c column) canonicalArrays(v *rowset.Vector, f *features) canonical {
	out := canonical{values: rowset.Vector{Type: c.canonicalType(v.Type), Ends: v.Ends}}
	elements := v.Elements()
	c.dimensions--
	converted := c.canonical(elements, false, f)
	*out.values.Elements() = converted.values
	out.changed, out.unfit = converted.changed, converted.unfit
	if c.dimensions == 0 && !c.nullable {
		for i, null := range elements.Null {
			if null {
				out.unfit = append(out.unfit, unfit{i, "an array with a null in it"})
			}
		}
	}
	for i := range out.unfit { // the array that an element is in
		out.unfit[i].row = sort.SearchInts(v.Ends, out.unfit[i].row+1)
	}
	return out
}
