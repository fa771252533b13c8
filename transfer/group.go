package transfer

import (
	"slices"

	"github.com/chferry/chferry/rowset"
)

// group is operations on rows of one database. Once arranged, no two are on the same row, and they are in the order of their keys, in
// which rows lie near each other on both sides.
type group struct {
	database     string
	table        rowset.Table
	readBySource bool // no key can be read but by the source
	keys         keyList
	ops          opList
}

// arrange brings the operations into the order of their keys and leaves out those on a row that an operation before them is on, here or
// in one of the lists, which are in order. It returns how many it left out.
func (g *group) arrange(before []keyList) (repeated int64) {
	if g.keys.ascending() && len(g.keys.reaching(before, 0)) == 0 {
		return 0 // as in a batch that comes in order: its windows follow each other
	}
	order := g.keys.order()
	before = g.keys.reaching(before, order[0].at)
	keys, ops := newKeyList(g.table.KeyTypes()), newOpList(len(order))
	next := make([]int, len(before)) // of each list, the first key that is not less than the one at hand
	for i, this := range order {
		same := i > 0 && order[i-1].rank == this.rank && g.keys.compare(order[i-1].at, g.keys, this.at) == 0
		for b, list := range before {
			next[b] = list.find(next[b], g.keys, this.at)
			same = same || next[b] < list.len() && list.compare(next[b], g.keys, this.at) == 0
		}
		if same {
			repeated++
			continue
		}
		ops.appendFrom(&g.ops, this.at)
		keys.appendFrom(g.keys, this.at)
	}
	g.keys, g.ops = keys, ops
	return repeated
}

// keyList is a list of primary keys: a vector for each column.
type keyList []rowset.Vector

func newKeyList(types []rowset.Type) keyList {
	keys := make(keyList, len(types))
	for i, t := range types {
		keys[i].Type = t
	}
	return keys
}

func (k keyList) len() int { return k[0].Len() }

func (k keyList) compare(i int, with keyList, j int) int {
	for c := range k {
		if order := k[c].Compare(i, &with[c], j); order != 0 {
			return order
		}
	}
	return 0
}

func (k keyList) appendFrom(from keyList, i int) {
	for c := range k {
		k[c].AppendFrom(&from[c], i)
	}
}

func (k keyList) slice(first, last int) keyList {
	out := make(keyList, len(k))
	for c := range k {
		out[c] = k[c].Slice(first, last)
	}
	return out
}

// ascending tells whether each key is greater than the one before.
func (k keyList) ascending() bool { return k.steps(-1) }

// inOrder tells whether no key is smaller than the one before.
func (k keyList) inOrder() bool { return k.steps(0) }

// steps tells whether each key, compared with the next, gives at most this.
func (k keyList) steps(most int) bool {
	for i := 1; i < k.len(); i++ {
		if k.compare(i-1, k, i) > most {
			return false
		}
	}
	return true
}

// reaching returns those of lists in order whose last key is not less than key i.
func (k keyList) reaching(lists []keyList, i int) []keyList {
	var reaching []keyList
	for _, list := range lists {
		if k.len() > 0 && list.len() > 0 && list.compare(list.len()-1, k, i) >= 0 {
			reaching = append(reaching, list)
		}
	}
	return reaching
}

// find returns the place in a list that is in order, from place from on, of the first key that is not less than key i of other.
func (k keyList) find(from int, other keyList, i int) int {
	for from < k.len() && k.compare(from, other, i) < 0 {
		from++
	}
	return from
}

// ranked is a key at its place in a list, with its first column's rank, which tells most keys apart without a look at them.
type ranked struct {
	rank uint64
	at   int
}

// order returns the keys in their order; of those that are the same, the one that comes first in the list comes first.
func (k keyList) order() []ranked {
	order := make([]ranked, k.len())
	for i := range order {
		order[i] = ranked{k[0].Rank(i), i}
	}
	order = sortByRank(order)
	for first, last := 0, 0; first < len(order); first = last {
		for last < len(order) && order[last].rank == order[first].rank {
			last++
		}
		if last-first > 1 {
			slices.SortStableFunc(order[first:last], func(a, b ranked) int { return k.compare(a.at, k, b.at) })
		}
	}
	return order
}

// sortByRank sorts by one byte of the rank after the other, the last first, and leaves those of one rank in their order (a radix sort).
// Bytes that are the same in all are passed over: keys of a table are seldom far from each other.
func sortByRank(order []ranked) []ranked {
	differ := uint64(0)
	for _, r := range order {
		differ |= r.rank ^ order[0].rank
	}
	spare := make([]ranked, len(order))
	for shift := 0; shift < 64; shift += 8 {
		if byte(differ>>shift) == 0 {
			continue
		}
		var next [256]int // where the next with a byte goes
		for _, r := range order {
			next[byte(r.rank>>shift)]++
		}
		sum := 0
		for b, n := range next {
			next[b], sum = sum, sum+n
		}
		for _, r := range order {
			b := byte(r.rank >> shift)
			spare[next[b]] = r
			next[b]++
		}
		order, spare = spare, order
	}
	return order
}
