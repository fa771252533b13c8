package clickhouse

import (
	"encoding/binary"
	"sort"

	"github.com/chferry/chferry/rowset"
)

// encodeArrays converts a vector of arrays. ClickHouse takes, for each dimension from the outermost, where its arrays end, and
// then the elements of all of them as one column.
func (c column) encodeArrays(v *rowset.Vector, f *features) (cells, []unfit) {
	var out []byte
	var ends [][]int
	for range c.dimensions {
		for _, end := range v.Ends {
			out = binary.LittleEndian.AppendUint64(out, uint64(end))
		}
		ends, v = append(ends, v.Ends), v.Elements()
	}
	c.dimensions = 0
	elements, bad := c.encode(v, false, f)
	if !c.nullable {
		for i, null := range v.Null {
			if null {
				bad = append(bad, unfit{i, "an array with a null in it"})
			}
		}
	}
	for i := range bad {
		bad[i].row = rowOf(bad[i].row, ends)
	}
	return cells{wire: append(out, elements.wire...)}, bad
}

// rowOf returns the row that an element is in, by where the arrays of each dimension end.
func rowOf(element int, ends [][]int) int {
	for d := len(ends) - 1; d >= 0; d-- {
		element = sort.SearchInts(ends[d], element+1)
	}
	return element
}
