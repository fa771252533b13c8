package transfer

import (
	"encoding/binary"
	"slices"

	"github.com/chferry/chferry"
)

// opList is a list of operations in one piece of memory. A chunk has tens of thousands of them and
// needs to know them again only for rows that fail: kept as they are, they would cost the garbage
// collector more than all else of a sync.
type opList struct {
	data []byte
	ends []int
}

func newOpList(capacity int) opList {
	const usual = 16 // bytes of an operation
	return opList{data: make([]byte, 0, usual*capacity), ends: make([]int, 0, capacity)}
}

func (l *opList) len() int { return len(l.ends) }

func (l *opList) append(op chferry.Operation) {
	l.data = append(l.data, op.Kind[0])
	l.data = appendText(l.data, op.Database)
	for _, part := range op.PrimaryKey {
		l.data = appendText(l.data, part)
	}
	l.ends = append(l.ends, len(l.data))
}

// appendFrom appends operation i of another list.
func (l *opList) appendFrom(from *opList, i int) {
	l.data = append(l.data, from.bytes(i)...)
	l.ends = append(l.ends, len(l.data))
}

func (l *opList) at(i int) chferry.Operation {
	b := l.bytes(i)
	op := chferry.Operation{Kind: kinds[b[0]]}
	op.Database, b = cutText(b[1:])
	for len(b) > 0 {
		var part string
		part, b = cutText(b)
		op.PrimaryKey = append(op.PrimaryKey, part)
	}
	return op
}

func (l *opList) bytes(i int) []byte {
	start := 0
	if i > 0 {
		start = l.ends[i-1]
	}
	return l.data[start:l.ends[i]]
}

// slice returns the operations from first up to last, not included.
func (l *opList) slice(first, last int) opList {
	out := newOpList(last - first)
	for i := first; i < last; i++ {
		out.appendFrom(l, i)
	}
	return out
}

func (l *opList) grow(n int) { l.ends = slices.Grow(l.ends, n) }

var kinds = map[byte]chferry.Kind{
	chferry.Insert[0]: chferry.Insert, chferry.Update[0]: chferry.Update, chferry.Delete[0]: chferry.Delete,
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func cutText(b []byte) (text string, rest []byte) {
	n, size := binary.Uvarint(b)
	b = b[size:]
	return string(b[:n]), b[n:]
}
