package transfer

import "slices"

// ranked is the place of a key in a list, with the rank of the key's first column. Ranks tell most
// keys apart without a look at the keys.
type ranked struct {
	rank uint64
	at   int
}

// order returns the places of the keys in the order of the keys. Equal keys stay in the order of the list.
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

// sortByRank is a radix sort: it sorts by one byte of the rank after the other, the last byte
// first, and keeps the order of equal ranks. It skips bytes that all ranks share, because keys of a
// table are seldom far from each other.
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
		var next [256]int // the place of the next rank with each byte
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
