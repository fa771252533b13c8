package source

import (
	"slices"

	"github.com/chferry/chferry/rowset"
)

// Repeated takes the keys that have several rows out of rows, and tells each of them as unfit:
// nothing says which of its rows is meant. repeated holds the indexes of these keys; the other keys
// keep their rows.
func Repeated(rows *rowset.Rows, repeated map[int]bool, table string) {
	if len(repeated) == 0 {
		return
	}
	var out []int
	for r, key := range rows.Key {
		if repeated[key] {
			out = append(out, r)
		}
	}
	rows.Block = rows.Without(out)
	isRepeated := func(key int) bool { return repeated[key] }
	rows.Key = slices.DeleteFunc(rows.Key, isRepeated)
	rows.Unfit = slices.DeleteFunc(rows.Unfit, func(u rowset.Unfit) bool { return isRepeated(u.Key) })
	for key := range repeated {
		rows.Unfit = append(rows.Unfit, rowset.Unfit{Key: key, Reason: RepeatedReason(table)})
	}
	slices.SortFunc(rows.Unfit, func(a, b rowset.Unfit) int { return a.Key - b.Key })
}

// RepeatedReason is the reason of an unfit row whose key others have too.
func RepeatedReason(table string) string {
	return "several rows of " + table + " have this primary key"
}
