package transfer

import "github.com/chferry/chferry/rowset"

// share is the operations of a window on rows of one database. Once the share is arranged, no two
// operations are on the same row, and the operations are in the order of their keys, because rows
// with neighbouring keys lie near each other in both databases.
type share struct {
	database     string
	table        rowset.Table
	readBySource bool // no key can be read but by the source
	keys         keyList
	ops          opList
}

// arrange sorts the operations by their keys and leaves out each operation whose key is in the
// share before it, or in one of the lists of keys before this window. The lists are ordered. It
// returns how many operations it left out.
func (s *share) arrange(before []keyList) (repeated int64) {
	if s.keys.ordered(true) && len(s.keys.reaching(before, 0)) == 0 {
		return 0 // as in a batch that comes in order: its windows follow each other
	}
	order := s.keys.order()
	before = s.keys.reaching(before, order[0].at)
	keys, ops := newKeyList(s.table.KeyTypes()), newOpList(len(order))
	next := make([]int, len(before)) // the place in each list where the search for a key begins
	for i, key := range order {
		same := i > 0 && order[i-1].rank == key.rank && s.keys.compare(order[i-1].at, s.keys, key.at) == 0
		for b, list := range before {
			next[b] = list.find(next[b], s.keys, key.at)
			same = same || next[b] < list.len() && list.compare(next[b], s.keys, key.at) == 0
		}
		if same {
			repeated++
			continue
		}
		ops.appendFrom(&s.ops, key.at)
		keys.appendFrom(s.keys, key.at)
	}
	s.keys, s.ops = keys, ops
	return repeated
}
