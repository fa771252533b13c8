package transfer

import (
	"slices"
	"sort"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// imported are the rows that a batch carried into the sink: those of its keys but for the ones it set aside.
type imported struct {
	cutter *cutter
	failed map[string]keyList // by database, in order
}

func newImported(c *cutter, failed []chferry.Operation) (*imported, error) {
	i := &imported{cutter: c, failed: map[string]keyList{}}
	keys, err := c.keysOf(failed)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if k.list == nil {
			continue
		}
		if i.failed[k.database] == nil {
			i.failed[k.database] = newKeyList(c.plan.Tables[k.database].KeyTypes())
		}
		i.failed[k.database].appendFrom(k.list, 0)
	}
	for database, keys := range i.failed {
		sorted := newKeyList(c.plan.Tables[database].KeyTypes())
		for _, k := range keys.order() {
			sorted.appendFrom(keys, k.at)
		}
		i.failed[database] = sorted
	}
	return i, nil
}

// has reports of each operation whether the batch carried its row. The operation may name the row
// by another text of the same key.
func (i *imported) has(ops []chferry.Operation) ([]bool, error) {
	keys, err := i.cutter.keysOf(ops)
	has := make([]bool, len(keys))
	for n, k := range keys {
		has[n] = k.list != nil && !i.failed[k.database].holds(k.list) &&
			slices.ContainsFunc(i.cutter.had[k.database], func(list keyList) bool { return list.holds(k.list) })
	}
	return has, err
}

// operationKey is the key of one operation, as the cutter reads keys.
type operationKey struct {
	database string
	list     keyList // the key alone; nil if the operation has no row
}

// keysOf reads the keys of operations, which need not be the batch's.
func (c *cutter) keysOf(ops []chferry.Operation) ([]operationKey, error) {
	var asked []source.ReadKey
	if c.ask != nil {
		var err error
		if asked, err = c.readKeys(ops); err != nil {
			return nil, err
		}
	}
	keys := make([]operationKey, len(ops))
	for i, op := range ops {
		database, err := c.plan.Import.Database(op.Database)
		if err != nil || c.plan.away[database] != "" {
			continue
		}
		table := c.plan.Tables[database]
		s := &share{table: table, readBySource: table.KeyReadBySource(), keys: newKeyList(table.KeyTypes())}
		reading, err := s.read(op.PrimaryKey, c.ask != nil)
		if err == nil && reading == bySource {
			read := asked[0]
			if asked = asked[1:]; read.Key == nil {
				continue
			}
			err = rowset.AppendPrimaryKey(s.keys, read.Key)
		}
		if err == nil {
			keys[i] = operationKey{database, s.keys}
		}
	}
	return keys, nil
}

// holds reports whether a list that is in order has the key that stands alone in another.
func (k keyList) holds(key keyList) bool {
	if len(k) == 0 {
		return false
	}
	at := sort.Search(k.len(), func(i int) bool { return k.compare(i, key, 0) >= 0 })
	return at < k.len() && k.compare(at, key, 0) == 0
}
