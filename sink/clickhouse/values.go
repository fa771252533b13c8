package clickhouse

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/chferry/chferry/rowset"
)

// cells are the values of one column as its column in ClickHouse takes them.
type cells struct {
	// wire is what ClickHouse's own client would send: the null marks of a nullable column, then values of a fixed width, or
	// texts after their lengths. That keeps every bit of a double, reaches the years after 2262 and boxes nothing, all of
	// which Go types would not.
	wire []byte
	// dictionary is set instead of wire if the column is a LowCardinality; null marks those that are none, nil if all are.
	dictionary []string
	null       []bool
}

// unfit is a value that its column can't hold.
type unfit struct {
	row  int
	what string // the kind of value
}

// encode converts a vector to what the column takes. Values that can't be held, or in a key only by changing them, are
// listed, and the cells are then not to be sent.
func (c column) encode(v *rowset.Vector, key bool, f *features) (cells, []unfit) {
	if c.dimensions > 0 {
		return c.encodeArrays(v, f)
	}
	if c.base == "String" {
		return c.encodeText(v), nil
	}
	e := encoder{column: c, from: v, key: key, width: c.width()}
	e.out = c.startWire(v, e.width)
	switch c.base {
	case "Float32", "Float64":
		e.floats()
	case "Decimal":
		e.decimals()
	case "UUID":
		e.uuids()
	case "Date", "Date32":
		e.dates(c.days(f))
	case "DateTime":
		e.seconds(c.micros(f))
	case "DateTime64":
		e.ticks(c.micros(f))
	default:
		e.integers()
	}
	return cells{wire: e.out}, e.unfit
}

// width returns the bytes of a value.
func (c column) width() int {
	if i, ok := integers[c.base]; ok {
		return i.width()
	}
	switch c.base {
	case "Bool":
		return 1
	case "Date":
		return 2
	case "Date32", "DateTime", "Float32":
		return 4
	case "Decimal":
		return decimalWidth(c.args[0])
	case "UUID":
		return 16
	default: // Float64, DateTime64
		return 8
	}
}

type encoder struct {
	column
	from  *rowset.Vector
	key   bool
	width int
	out   []byte
	unfit []unfit
}

// startWire makes room for all values of about a width and writes the null marks of a nullable column.
func (c column) startWire(v *rowset.Vector, width int) []byte {
	rows := v.Len()
	if !c.nullable {
		return make([]byte, 0, rows*width)
	}
	out := make([]byte, rows, rows*(1+width))
	for i, null := range v.Null {
		if null {
			out[i] = 1
		}
	}
	return out
}

func (e *encoder) reject(row int, what string) { e.unfit = append(e.unfit, unfit{row, what}) }

func (e *encoder) integer(n int64) {
	switch e.width {
	case 1:
		e.out = append(e.out, byte(n))
	case 2:
		e.out = binary.LittleEndian.AppendUint16(e.out, uint16(n))
	case 4:
		e.out = binary.LittleEndian.AppendUint32(e.out, uint32(n))
	default:
		e.out = binary.LittleEndian.AppendUint64(e.out, uint64(n))
	}
}

func (e *encoder) integers() {
	to := integers[e.base]
	from, whole := integerKinds[e.from.Type.Kind]
	switch {
	case whole && (e.base == "Bool" || to.holds(from)):
		for _, n := range e.from.Ints {
			e.integer(n)
		}
	case whole:
		for i, n := range e.from.Ints {
			if !to.has(n, from) {
				e.reject(i, "a number outside its range")
			}
			e.integer(n)
		}
	default:
		for i := range e.from.Len() {
			n, ok := wholeNumber(e.from.At(i), to)
			if !ok && !e.from.IsNull(i) {
				e.reject(i, "what is no whole number within its range")
			}
			e.integer(n)
		}
	}
}

func (e *encoder) floats() {
	for _, n := range e.from.Floats {
		if e.width == 4 {
			e.integer(int64(math.Float32bits(float32(n))))
		} else {
			e.integer(int64(math.Float64bits(n)))
		}
	}
}

func (e *encoder) decimals() {
	var buf []byte
	for i := range e.from.Len() {
		if buf = e.number(buf[:0], i); e.from.IsNull(i) {
			buf = append(buf[:0], '0')
		}
		var problem string
		if e.out, problem = appendDecimal(e.out, buf, e.args[0], e.args[1]); problem != "" {
			e.reject(i, problem)
			e.out = append(e.out, make([]byte, e.width)...)
		}
	}
}

// number appends the text of value i, which is an integer or text already.
func (e *encoder) number(dst []byte, i int) []byte {
	switch _, whole := integerKinds[e.from.Type.Kind]; {
	case !whole:
		return append(dst, e.from.At(i)...)
	case e.from.Type.Kind == rowset.Uint64:
		return strconv.AppendUint(dst, uint64(e.from.Ints[i]), 10)
	default:
		return strconv.AppendInt(dst, e.from.Ints[i], 10)
	}
}

// uuids writes each half with its last byte first, as ClickHouse does.
func (e *encoder) uuids() {
	for i := range e.from.Len() {
		id := e.from.At(i)
		e.out = binary.LittleEndian.AppendUint64(e.out, binary.BigEndian.Uint64(id[:8]))
		e.out = binary.LittleEndian.AppendUint64(e.out, binary.BigEndian.Uint64(id[8:]))
	}
}

func (e *encoder) dates(held span) {
	for i, n := range e.from.Ints {
		if e.key && !held.holds(n) {
			e.reject(i, "a date outside its range")
		}
		e.integer(held.clamp(n))
	}
}

func (e *encoder) seconds(held span) {
	for i, n := range e.from.Ints {
		switch {
		case !e.key:
		case !held.holds(n):
			e.reject(i, "a timestamp outside its range")
		case n%microsPerSecond != 0:
			e.reject(i, "a timestamp with a fraction of a second")
		}
		e.integer(held.clamp(n) / microsPerSecond)
	}
}

func (e *encoder) ticks(held span) {
	perMicro, perTick := e.ticksPerMicro(), e.microsPerTick()
	for i, n := range e.from.Ints {
		if e.key && !held.holds(n) {
			e.reject(i, "a timestamp outside its range")
		}
		n = held.clamp(n)
		past := (n%perTick + perTick) % perTick // cut off towards the past, before 1970 too
		e.integer((n - past) / perTick * perMicro)
	}
}
