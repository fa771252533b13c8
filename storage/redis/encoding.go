package redis

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/chferry/chferry"
)

// A stream entry has one field, "o", whose value is a sequence of runs. A run is a number of
// operations that share kind, database and number of key parts:
//
//	run      = kind parts [database] count { primary key }
//	kind     = "i" | "u" | "d", or "I" | "U" | "D" if a database follows
//	parts    = uvarint: values of each primary key
//	database = string: the alias
//	count    = uvarint: primary keys that follow
//	primary key = parts × string
//	string   = uvarint length, bytes
//
// One operation on the row 123 is "i\x01\x01\x03123". Many in one call cost a length byte and the key each.
const entryField = "o"

var kindLetters = map[chferry.Kind]byte{chferry.Insert: 'i', chferry.Update: 'u', chferry.Delete: 'd'}

// toLower is the bit that tells a small letter from a capital one.
const toLower byte = 'a' - 'A'

var letterKinds = map[byte]chferry.Kind{'i': chferry.Insert, 'u': chferry.Update, 'd': chferry.Delete}

// encode appends operations that were validated. The values of two lists, joined, are the value of the joined lists.
func encode(dst []byte, ops []chferry.Operation) []byte {
	for len(ops) > 0 {
		n := runLength(ops)
		dst = appendRun(dst, ops[:n])
		ops = ops[n:]
	}
	return dst
}

func runLength(ops []chferry.Operation) int {
	n := 1
	for n < len(ops) && ops[n].Kind == ops[0].Kind && ops[n].Database == ops[0].Database &&
		len(ops[n].PrimaryKey) == len(ops[0].PrimaryKey) {
		n++
	}
	return n
}

func appendRun(dst []byte, ops []chferry.Operation) []byte {
	letter := kindLetters[ops[0].Kind]
	if ops[0].Database != "" {
		letter &^= toLower
	}
	dst = append(dst, letter)
	dst = binary.AppendUvarint(dst, uint64(len(ops[0].PrimaryKey)))
	if ops[0].Database != "" {
		dst = appendString(dst, ops[0].Database)
	}
	dst = binary.AppendUvarint(dst, uint64(len(ops)))
	for _, op := range ops {
		for _, part := range op.PrimaryKey {
			dst = appendString(dst, part)
		}
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

var errEntry = errors.New("entry can't be decoded")

// decoder reads an entry. Its strings share the entry's memory.
type decoder struct {
	rest string
	err  error
}

func (d *decoder) uvarint() uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		if d.rest == "" {
			break
		}
		b := d.rest[0]
		d.rest = d.rest[1:]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.err = errEntry
	return 0
}

func (d *decoder) str() string {
	n := d.uvarint()
	if d.err != nil || n > uint64(len(d.rest)) {
		d.err = errEntry
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

// run is the head of a run; its keys follow in the decoder.
type run struct {
	kind     chferry.Kind
	database string
	parts    int
	count    int
}

func (d *decoder) run() run {
	letter := d.rest[0] | toLower
	named := d.rest[0] != letter
	d.rest = d.rest[1:]
	r := run{kind: letterKinds[letter], parts: int(d.uvarint())}
	if named {
		r.database = d.str()
	}
	r.count = int(d.uvarint())
	// Every value takes a byte at least, so that a damaged entry can't ask for more memory than it has bytes.
	if r.kind == "" || r.parts < 1 || r.parts > chferry.MaxPrimaryKeyParts || r.count < 1 ||
		r.count > len(d.rest)/r.parts {
		d.err = errEntry
	}
	return r
}

// decode appends the operations of an entry.
func decode(dst []chferry.Operation, entry string) ([]chferry.Operation, error) {
	d := decoder{rest: entry}
	for d.rest != "" && d.err == nil {
		r := d.run()
		if d.err != nil {
			break
		}
		dst = slices.Grow(dst, r.count)
		values := make([]string, r.count*r.parts)
		for i := range values {
			values[i] = d.str()
		}
		for i := range r.count {
			pk := chferry.PrimaryKey(values[i*r.parts : (i+1)*r.parts : (i+1)*r.parts])
			dst = append(dst, chferry.Operation{Kind: r.kind, Database: r.database, PrimaryKey: pk})
		}
	}
	return dst, d.err
}

// count returns the number of operations of an entry without decoding them.
func count(entry string) (int, error) {
	d := decoder{rest: entry}
	total := 0
	for d.rest != "" && d.err == nil {
		r := d.run()
		if d.err != nil {
			break
		}
		total += r.count
		for range r.count * r.parts {
			d.str()
		}
	}
	return total, d.err
}
