package transfer

import (
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// keySet is the keys of a page of the source, with the hash that the destination should have of each.
type keySet struct {
	page *hashedPage
	rows map[string]int // by key; of those that can't be compared, -1
	met  []bool
}

func newKeySet(page *hashedPage) *keySet {
	s := &keySet{page: page, rows: make(map[string]int, page.Keys.Rows()), met: make([]bool, page.Keys.Rows())}
	for row := range s.met {
		s.rows[keyText(page.Keys, row, nil)] = row
	}
	failed := rowset.Block{Vectors: page.failed}
	for row := range failed.Rows() {
		s.rows[keyText(failed, row, nil)] = -1
	}
	return s
}

// meet appends the keys of those rows of the destination that differ from the page's, or are not in it.
func (s *keySet) meet(found sink.Hashed, differing keyList) {
	for row := range found.Keys.Rows() {
		at, known := s.rows[keyText(found.Keys, row, nil)]
		switch {
		case known && at < 0:
			continue
		case known:
			s.met[at] = true
			if s.page.Hashes[at] == found.Hashes[row] {
				continue
			}
		}
		differing.appendFrom(found.Keys.Vectors, row)
	}
}

// missing appends the keys of the page that the destination does not have.
func (s *keySet) missing(keys keyList) {
	for row, met := range s.met {
		if !met {
			keys.appendFrom(s.page.Keys.Vectors, row)
		}
	}
}
