package rowset

import "regexp"

// TypeKind is what a column holds, independent of any database's own names.
type TypeKind uint8

// The kinds of types. Which vector holds their values is said at [Vector].
const (
	Bool TypeKind = iota + 1
	Int16
	Int32
	Int64
	Uint8
	Uint64
	Float32
	Float64
	Decimal // Precision digits in all, Scale of them behind the point
	String
	Bytes
	UUID
	Date      // days since 1970-01-01
	Timestamp // microseconds since 1970-01-01 00:00 UTC
	Enum      // a text, one of few
	Array     // of Dimensions dimensions, of values of the kind Element
)

// Type is the type of a column.
type Type struct {
	Kind             TypeKind
	Precision, Scale int // of a Decimal, or of an Array of them
	// Nullable tells that values may be null; of an Array, that those in it may be. An array itself never is.
	Nullable   bool
	Element    TypeKind // of an Array; neither Array nor Enum
	Dimensions int      // of an Array; from 1
}

// ElementType returns the type of what an Array holds: an Array with one dimension less, or its Element.
func (t Type) ElementType() Type {
	if t.Dimensions > 1 {
		t.Dimensions--
		return t
	}
	return Type{Kind: t.Element, Precision: t.Precision, Scale: t.Scale, Nullable: t.Nullable}
}

// inDimensionsOf gives an array as many dimensions as a destination's type has, such as
// Array(Array(Int32)). A source may know too little of them: PostgreSQL forgets a declaration in
// dumps and views, and holds no value to it.
func (t Type) inDimensionsOf(destination string) Type {
	if depth := len(arrayBeginning.FindAllString(destination, -1)); depth > 0 {
		return t.InDimensions(depth)
	}
	return t
}

var arrayBeginning = regexp.MustCompile(`\bArray\s*\(`)

// InDimensions returns the type with another number of dimensions if it is an Array.
func (t Type) InDimensions(n int) Type {
	if t.Kind == Array {
		t.Dimensions = n
	}
	return t
}

var typeKindNames = map[TypeKind]string{
	Bool: "bool", Int16: "int16", Int32: "int32", Int64: "int64", Uint8: "uint8", Uint64: "uint64",
	Float32: "float32", Float64: "float64", Decimal: "decimal", String: "string", Bytes: "bytes", UUID: "uuid",
	Date: "date", Timestamp: "timestamp", Enum: "enum", Array: "array",
}

// String returns the kind's name.
func (k TypeKind) String() string { return typeKindNames[k] }
