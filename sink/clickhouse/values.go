package clickhouse

import (
	"slices"

	"github.com/chferry/chferry/rowset"
)

// Values reach ClickHouse in two steps. The first one, here, makes canonical values: what a column
// would hold, and a SELECT return, once the values were inserted. Canonical values can be compared.
// The second one, in native.go, writes them as ClickHouse's own client would send them.

// canonical are the canonical values of one column.
type canonical struct {
	// values shares the memory of the source's vector as far as nothing changes.
	values  rowset.Vector
	changed int     // how many values were clamped or cut
	unfit   []unfit // the values that the column can't hold; zero values stand in their place
}

// unfit is a value that its column can't hold, or in a key only by changing it.
type unfit struct {
	row  int
	what string // the kind of value
}

// canonical converts a vector to canonical values. Nothing is clamped or cut in a key.
func (c column) canonical(v *rowset.Vector, key bool, f *features) canonical {
	if c.dimensions > 0 {
		return c.canonicalArrays(v, f)
	}
	to := converter{column: c, from: v, key: key, canonical: canonical{values: *v}}
	to.values.Type = c.canonicalType(v.Type)
	switch c.base {
	case "Bool", "Float32", "Float64", "UUID": // take values of their own kind alone
	case "String":
		to.texts()
	case "Decimal":
		to.decimals()
	case "Date", "Date32":
		to.times(c.days(f), 1)
	case "DateTime", "DateTime64":
		to.times(c.micros(f), c.microsPerTick())
	default:
		to.integers()
	}
	return to.canonical
}

// canonicalType returns the type of the column's canonical values. Integers of all widths have the
// widest one; a decimal is written with all digits of its scale, such as 12.50; a timestamp counts
// microseconds as everywhere. Only values that may be null in the source are nullable, whatever the
// column allows.
func (c column) canonicalType(source rowset.Type) rowset.Type {
	t := rowset.Type{Kind: c.kind(), Nullable: source.Nullable}
	if t.Kind == rowset.Decimal {
		t.Precision, t.Scale = c.args[0], c.args[1]
	}
	if c.dimensions > 0 {
		t.Kind, t.Element, t.Dimensions = rowset.Array, t.Kind, c.dimensions
	}
	return t
}

// kind returns the kind of a value, of an array that of its elements.
func (c column) kind() rowset.TypeKind {
	if i, ok := integers[c.base]; ok {
		if i.signed {
			return rowset.Int64
		}
		return rowset.Uint64
	}
	switch c.base {
	case "Bool":
		return rowset.Bool
	case "Float32":
		return rowset.Float32
	case "Float64":
		return rowset.Float64
	case "Decimal":
		return rowset.Decimal
	case "UUID":
		return rowset.UUID
	case "Date", "Date32":
		return rowset.Date
	case "DateTime", "DateTime64":
		return rowset.Timestamp
	default:
		return rowset.String
	}
}

// converter makes canonical values. It copies the source's values when the first one changes.
type converter struct {
	column
	canonical
	from   *rowset.Vector
	key    bool
	copied bool
}

func (c *converter) reject(row int, what string) { c.unfit = append(c.unfit, unfit{row, what}) }

func (c *converter) setInt(row int, n int64) {
	if !c.copied {
		c.values.Ints, c.copied = slices.Clone(c.from.Ints), true
	}
	c.values.Ints[row] = n
}

func (c *converter) integers() {
	to := integers[c.base]
	from, whole := integerKinds[c.from.Type.Kind]
	switch {
	case !whole:
		c.parseIntegers(to)
	case !to.holds(from):
		for i, n := range c.from.Ints {
			if !to.has(n, from) {
				c.reject(i, "a number outside its range")
				c.setInt(i, 0)
			}
		}
	}
}

// parseIntegers reads decimals and texts.
func (c *converter) parseIntegers(to integer) {
	ints := make([]int64, c.from.Len())
	for i := range ints {
		if c.from.IsNull(i) {
			continue
		}
		n, ok := wholeNumber(c.from.At(i), to)
		if !ok {
			c.reject(i, "what is no whole number within its range")
			continue
		}
		ints[i] = n
	}
	c.values.Data, c.values.Ends, c.values.Ints = nil, nil, ints
}

// times clamps days or microseconds to those that the column holds, and cuts them to whole ticks
// towards the past, before 1970 too.
func (c *converter) times(held span, tick int64) {
	for i, n := range c.from.Ints {
		inside := held.holds(n)
		if inside && (tick == 1 || n%tick == 0) {
			continue
		}
		if c.key {
			c.reject(i, c.problem(inside))
		} else {
			c.changed++
		}
		n = held.clamp(n)
		c.setInt(i, n-(n%tick+tick)%tick)
	}
}

// problem says what a date or timestamp of a key is that would be clamped or cut.
func (c *converter) problem(inside bool) string {
	switch {
	case inside:
		return "a timestamp with a fraction of a second"
	case c.from.Type.Kind == rowset.Date:
		return "a date outside its range"
	default:
		return "a timestamp outside its range"
	}
}
