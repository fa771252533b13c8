package clickhouse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/chferry/chferry/rowset"
)

// columnType returns the type that a column of a new table has:
//
//	kind        modern server             18.16                      what can't be held
//	bool        Bool (≥ 21.12)            UInt8
//	int16…64    Int16…Int64               the same
//	uint8, 64   UInt8, UInt64             the same
//	float32,64  Float32, Float64          the same
//	decimal     Decimal(p, s), p ≤ 76     p ≤ 38 (< 21.6)            set aside: NaN, infinity, too many digits
//	decimal     String where p is more or unknown
//	string      String                    the same
//	bytes       String                    the same
//	uuid        UUID                      the same
//	date        Date32 (≥ 21.9)           Date                       clamped to the type's first or last day
//	timestamp   DateTime64(6, 'UTC')      DateTime('UTC')            clamped; DateTime: cut to the second before
//	enum        LowCardinality(String)    String (< 20.1)
//	array       Array(…) of the element's, once for each dimension
//
// What is nullable gets Nullable(…), of an array its elements. In the columns of the key nothing is
// clamped or cut: two keys must not become one, so the row is set aside. The ranges are at
// [column.days] and [column.micros].
func (f *features) columnType(t rowset.Type) string {
	base := f.baseType(t)
	dictionary := t.Kind == rowset.Enum && f.hasDictionaries()
	switch {
	case t.Kind == rowset.Array:
		return "Array(" + f.columnType(t.ElementType()) + ")"
	case t.Nullable && dictionary:
		return "LowCardinality(Nullable(" + base + "))"
	case dictionary:
		return "LowCardinality(" + base + ")"
	case t.Nullable:
		return "Nullable(" + base + ")"
	default:
		return base
	}
}

var plainTypes = map[rowset.TypeKind]string{
	rowset.Int16: "Int16", rowset.Int32: "Int32", rowset.Int64: "Int64", rowset.Uint8: "UInt8", rowset.Uint64: "UInt64",
	rowset.Float32: "Float32", rowset.Float64: "Float64", rowset.String: "String", rowset.Enum: "String",
	rowset.Bytes: "String", rowset.UUID: "UUID",
}

func (f *features) baseType(t rowset.Type) string {
	switch {
	case t.Kind == rowset.Bool && f.hasBool():
		return "Bool"
	case t.Kind == rowset.Bool:
		return "UInt8"
	case t.Kind == rowset.Date && f.hasDate32():
		return "Date32"
	case t.Kind == rowset.Date:
		return "Date"
	case t.Kind == rowset.Timestamp && f.hasDateTime64():
		return "DateTime64(6, 'UTC')"
	case t.Kind == rowset.Timestamp:
		return "DateTime('UTC')"
	case t.Kind == rowset.Decimal:
		return f.decimalType(t)
	default:
		return plainTypes[t.Kind]
	}
}

func (f *features) decimalType(t rowset.Type) string {
	limit := 38
	if f.hasDecimal256() {
		limit = 76
	}
	whole, scale := decimalDigits(t)
	if t.Precision <= 0 || whole+scale > limit {
		return "String"
	}
	return fmt.Sprintf("Decimal(%d, %d)", max(whole+scale, 1), scale)
}

// decimalDigits returns how many digits t has before and behind the point. PostgreSQL allows a scale below zero
// (whole hundreds) and above the precision (0.00012).
func decimalDigits(t rowset.Type) (whole, scale int) {
	return max(t.Precision-t.Scale, 0), max(t.Scale, 0)
}

// column is a column of a table as the server describes it.
type column struct {
	name        string
	text        string // the type as the server writes it
	base        string // the type's name without parameters, Array, Nullable and LowCardinality
	args        []int  // its numbers: the precision and scale of a Decimal, the precision of a DateTime64
	dimensions  int    // of an Array, to whose elements all else here refers
	nullable    bool
	dictionary  bool   // LowCardinality
	defaultKind string // DEFAULT, MATERIALIZED, ALIAS, EPHEMERAL or nothing
}

func newColumn(name, text, defaultKind string) column {
	c := column{name: name, text: text, defaultKind: defaultKind}
	inner := text
	for bare, ok := unwrap(inner, "Array"); ok; bare, ok = unwrap(inner, "Array") {
		inner = bare
		c.dimensions++
	}
	if bare, ok := unwrap(inner, "LowCardinality"); ok {
		inner, c.dictionary = bare, true
	}
	if bare, ok := unwrap(inner, "Nullable"); ok {
		inner, c.nullable = bare, true
	}
	base, args, _ := strings.Cut(strings.TrimSuffix(inner, ")"), "(")
	c.base = base
	for arg := range strings.SplitSeq(args, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(arg)); err == nil {
			c.args = append(c.args, n)
		}
	}
	if c.base == "Decimal" && len(c.args) != 2 || c.base == "DateTime64" && len(c.args) != 1 {
		c.base = text // a way of writing it that is not known here, so nothing fits
	}
	return c
}

func unwrap(text, wrapper string) (string, bool) {
	inner, ok := strings.CutPrefix(text, wrapper+"(")
	return strings.TrimSuffix(inner, ")"), ok
}

// misfit says why the column can't take the values of t, "" if it can take all of them as
// [features.columnType] allows, and which type would.
func (c column) misfit(t rowset.Type, key bool, f *features) (problem, to string) {
	switch {
	case c.computed():
		return "is " + c.defaultKind +
			", so it can't be inserted: make it an ordinary column or leave it out with columns.exclude", ""
	case key && c.nullable:
		return fmt.Sprintf("is %s, but the key's columns must not be Nullable", c.text), f.baseType(t)
	case t.Nullable && !c.nullable && t.Kind != rowset.Array: // a null among elements is set aside
		return fmt.Sprintf("is %s, but the source's may be NULL", c.text), f.columnType(t)
	case !c.takes(t, f):
		return fmt.Sprintf("is %s, which does not hold every %s", c.text, typeName(t)), f.columnType(t)
	default:
		return "", ""
	}
}

// computed tells whether the column can't be inserted.
func (c column) computed() bool {
	return c.defaultKind == "MATERIALIZED" || c.defaultKind == "ALIAS" || c.defaultKind == "EPHEMERAL"
}

func (c column) takes(t rowset.Type, f *features) bool {
	if c.dimensions != t.Dimensions || c.dictionary && (c.dimensions > 0 || c.base != "String") {
		return false
	}
	if t.Kind == rowset.Array {
		t.Kind = t.Element
	}
	if to, ok := integers[c.base]; ok {
		from, ok := integerKinds[t.Kind]
		return ok && to.holds(from)
	}
	switch c.base {
	case "Bool":
		return t.Kind == rowset.Bool
	case "Float32":
		return t.Kind == rowset.Float32
	case "Float64":
		return t.Kind == rowset.Float32 || t.Kind == rowset.Float64
	case "Decimal":
		whole, scale := decimalDigits(t)
		return t.Kind == rowset.Decimal && t.Precision > 0 && c.args[1] >= scale && c.args[0]-c.args[1] >= whole
	case "String":
		return hasText(t.Kind)
	case "UUID":
		return t.Kind == rowset.UUID
	case "Date32":
		return t.Kind == rowset.Date
	case "Date": // only where there is nothing better
		return t.Kind == rowset.Date && !f.hasDate32()
	case "DateTime64":
		return t.Kind == rowset.Timestamp && c.args[0] >= 6
	case "DateTime":
		return t.Kind == rowset.Timestamp && !f.hasDateTime64()
	default:
		return false
	}
}

// hasText tells whether a String column takes the kind: what is text already, and what has only one notation.
func hasText(k rowset.TypeKind) bool {
	switch k {
	case rowset.String, rowset.Enum, rowset.Bytes, rowset.UUID, rowset.Decimal, rowset.Date, rowset.Timestamp:
		return true
	default:
		return false
	}
}

// integer is a range: from zero, or if signed from -2^bits, to 2^bits - 1.
type integer struct {
	signed bool
	bits   int
}

func (to integer) holds(from integer) bool {
	return to.bits >= from.bits && (to.signed || !from.signed)
}

// has tells whether the range has a value of another range.
func (to integer) has(n int64, from integer) bool {
	switch {
	case n < 0 && !from.signed: // beyond all that is signed
		return to.bits == 64
	case n < 0:
		return to.signed && n >= -1<<to.bits
	default:
		return to.bits >= 63 || n < 1<<to.bits
	}
}

// width returns the bytes of a value in ClickHouse.
func (to integer) width() int { return (to.bits + 7) / 8 }

var integers = map[string]integer{
	"Int8": {true, 7}, "Int16": {true, 15}, "Int32": {true, 31}, "Int64": {true, 63},
	"UInt8": {false, 8}, "UInt16": {false, 16}, "UInt32": {false, 32}, "UInt64": {false, 64},
}

var integerKinds = map[rowset.TypeKind]integer{
	rowset.Bool: {false, 1}, rowset.Int16: {true, 15}, rowset.Int32: {true, 31}, rowset.Int64: {true, 63},
	rowset.Uint8: {false, 8}, rowset.Uint64: {false, 64},
}
