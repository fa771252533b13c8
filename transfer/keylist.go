package transfer

import "github.com/chferry/chferry/rowset"

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

// ordered reports whether the keys ascend; strict also refuses equal neighbours.
func (k keyList) ordered(strict bool) bool {
	for i := 1; i < k.len(); i++ {
		if order := k.compare(i-1, k, i); order > 0 || strict && order == 0 {
			return false
		}
	}
	return true
}

// reaching returns the lists whose last key is key i or comes behind it. The lists are ordered.
func (k keyList) reaching(lists []keyList, i int) []keyList {
	var reaching []keyList
	for _, list := range lists {
		if k.len() > 0 && list.len() > 0 && list.compare(list.len()-1, k, i) >= 0 {
			reaching = append(reaching, list)
		}
	}
	return reaching
}

// find returns the place of the first key that is key i of other or comes behind it. The list is
// ordered, and the search begins at from.
func (k keyList) find(from int, other keyList, i int) int {
	for from < k.len() && k.compare(from, other, i) < 0 {
		from++
	}
	return from
}
