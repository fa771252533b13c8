package activities

import (
	"bytes"
	"hash/maphash"
)

// keySet is a set of byte strings. A batch may have a million of them: they lie behind each other in one piece of memory, which
// a map of strings would have the garbage collector walk through.
type keySet struct {
	seed  maphash.Seed
	slots []uint32 // number of a string, from 1; 0: free
	n     int
	data  []byte
	ends  []int // of the strings in data
}

func newKeySet(capacity int) *keySet {
	size := 16
	for size < 2*capacity {
		size *= 2
	}
	const usual = 10 // bytes of a key
	return &keySet{
		seed: maphash.MakeSeed(), slots: make([]uint32, size),
		data: make([]byte, 0, usual*capacity), ends: make([]int, 0, capacity),
	}
}

// add adds a copy of key and tells whether it was not there.
func (s *keySet) add(key []byte) bool {
	if 2*(s.n+1) > len(s.slots) {
		s.grow()
	}
	slot := s.find(key)
	if s.slots[slot] != 0 {
		return false
	}
	s.data = append(s.data, key...)
	s.ends = append(s.ends, len(s.data))
	s.n++
	s.slots[slot] = uint32(s.n)
	return true
}

// find returns the slot of key, or the free one where it would be.
func (s *keySet) find(key []byte) int {
	mask := len(s.slots) - 1
	slot := int(maphash.Bytes(s.seed, key)) & mask
	for s.slots[slot] != 0 && !bytes.Equal(s.at(int(s.slots[slot])-1), key) {
		slot = (slot + 1) & mask
	}
	return slot
}

func (s *keySet) at(i int) []byte {
	start := 0
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.data[start:s.ends[i]]
}

func (s *keySet) grow() {
	s.slots = make([]uint32, 2*len(s.slots))
	for i := range s.n {
		s.slots[s.find(s.at(i))] = uint32(i + 1)
	}
}
