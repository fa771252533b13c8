package activities

import (
	"slices"
	"sort"

	"github.com/chferry/chferry"
)

// imported are the rows that a batch carried into the sink: those of its keys but for the ones it set aside.
type imported struct {
	cutter *cutter
	failed map[string]keyList // by database, in order
}

func newImported(c *cutter, failed []chferry.Operation) *imported {
	i := &imported{cutter: c, failed: map[string]keyList{}}
	for _, op := range failed {
		if database, key, ok := i.read(op); ok {
			if i.failed[database] == nil {
				i.failed[database] = newKeyList(c.plan.Tables[database].KeyTypes())
			}
			i.failed[database].appendFrom(key, 0)
		}
	}
	for database, keys := range i.failed {
		sorted := newKeyList(c.plan.Tables[database].KeyTypes())
		for _, k := range keys.order() {
			sorted.appendFrom(keys, k.at)
		}
		i.failed[database] = sorted
	}
	return i
}

// has reports whether the batch carried the row of an operation. The operation may name the row by another text of the same key.
func (i *imported) has(op chferry.Operation) bool {
	database, key, ok := i.read(op)
	if !ok || i.failed[database].holds(key) {
		return false
	}
	return slices.ContainsFunc(i.cutter.had[database], func(list keyList) bool { return list.holds(key) })
}

func (i *imported) read(op chferry.Operation) (database string, key keyList, ok bool) {
	database, err := i.cutter.plan.Import.Database(op.Database)
	if err != nil || i.cutter.plan.away[database] != "" {
		return "", nil, false
	}
	key = newKeyList(i.cutter.plan.Tables[database].KeyTypes())
	return database, key, chferry.AppendPrimaryKey(key, op.PrimaryKey) == nil
}

// holds reports whether a list that is in order has the key that stands alone in another.
func (k keyList) holds(key keyList) bool {
	if len(k) == 0 {
		return false
	}
	at := sort.Search(k.len(), func(i int) bool { return k.compare(i, key, 0) >= 0 })
	return at < k.len() && k.compare(at, key, 0) == 0
}
