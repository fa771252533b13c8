package postgres

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/chferry/chferry/rowset"
	"github.com/jackc/pgx/v5/pgtype"
)

// An array comes in its binary form: the number of dimensions, whether there are nulls, the
// elements' type, each dimension's length and lower bound, and each element after its length, the
// last dimension's first (array_send in arrayfuncs.c). Lower bounds have no place in an array of
// ClickHouse and are dropped.

// maxDimensions is MAXDIM in PostgreSQL.
const maxDimensions = 6

// arrayReader reads the values of an array's column; element reads those in it.
func arrayReader(c rowset.Column) valueReader {
	t := c.Type
	element := elementReader(t).read
	return valueReader{
		format: binaryFormat,
		unfit: func(b []byte) string {
			if lengths, _, ok := arrayLengths(b); ok && lengths.n != 0 && lengths.n != t.Dimensions {
				return fmt.Sprintf("a %d-dimensional array, and the column has %d: %s",
					lengths.n, t.Dimensions, tellDimensions(c, lengths.n))
			}
			return ""
		},
		read: func(v *rowset.Vector, b []byte) bool {
			lengths, rest, ok := arrayLengths(b)
			if !ok {
				return false
			}
			if lengths.n == 0 {
				v.AppendArray()
				return true
			}
			rest, ok = readArray(v, lengths.of[:lengths.n], rest, element)
			return ok && len(rest) == 0
		},
	}
}

// tellDimensions says how the column of an array gets n dimensions.
func tellDimensions(c rowset.Column, n int) string {
	cast := castExamples[c.Type.Element]
	if c.Type.Element == rowset.Decimal && c.Type.Precision > 0 {
		cast = fmt.Sprintf("Decimal(%d, %d)", c.Type.Precision, c.Type.Scale)
	}
	if c.Type.Nullable {
		cast = "Nullable(" + cast + ")"
	}
	cast = "as in " + strings.Repeat("Array(", n) + cast + strings.Repeat(")", n)
	element := strings.TrimRight(c.SourceType, "[]")
	if element == c.SourceType { // a domain, whose columns are altered by none of these
		return "columns.cast tells its dimensions, " + cast
	}
	return fmt.Sprintf("ALTER … TYPE %s%s tells its dimensions, or columns.cast does, %s", element,
		strings.Repeat("[]", n), cast)
}

// castExamples are types of ClickHouse that hold the elements of arrays. Those of a numeric without a precision are
// texts.
var castExamples = map[rowset.TypeKind]string{
	rowset.Bool: "Bool", rowset.Int16: "Int16", rowset.Int32: "Int32", rowset.Int64: "Int64",
	rowset.Float32: "Float32", rowset.Float64: "Float64", rowset.Decimal: "String", rowset.String: "String",
	rowset.Bytes: "String", rowset.UUID: "UUID", rowset.Date: "Date32", rowset.Timestamp: "DateTime64(6)",
}

// elementReader returns how an array's elements are read. Those that are read as text come as an
// array of texts, into which the server is asked to cast the array: see [selected].
func elementReader(t rowset.Type) valueReader { return valueReaders[t.Element] }

// lengths are those of an array's dimensions.
type lengths struct {
	n  int // 0: the array is empty
	of [maxDimensions]int
}

func arrayLengths(b []byte) (found lengths, rest []byte, ok bool) {
	const header, dimension = 12, 8
	if len(b) < header {
		return found, nil, false
	}
	found.n = int(int32At(b))
	if b = b[header:]; found.n < 0 || found.n > maxDimensions || len(b) < found.n*dimension {
		return found, nil, false
	}
	for i := range found.n {
		found.of[i] = int(int32At(b[i*dimension:]))
	}
	return found, b[found.n*dimension:], true
}

// readArray appends an array whose dimensions have these lengths and returns what follows it.
func readArray(v *rowset.Vector, lengths []int, b []byte,
	element func(*rowset.Vector, []byte) bool,
) (rest []byte, ok bool) {
	for range lengths[0] {
		if len(lengths) > 1 {
			b, ok = readArray(v.Elements(), lengths[1:], b, element)
		} else {
			b, ok = readElement(v.Elements(), b, element)
		}
		if !ok {
			return nil, false
		}
	}
	v.AppendArray()
	return b, true
}

func readElement(v *rowset.Vector, b []byte, read func(*rowset.Vector, []byte) bool) (rest []byte, ok bool) {
	const header = 4
	if len(b) < header {
		return nil, false
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	switch b = b[header:]; {
	case n == -1:
		v.AppendNull()
		return b, true
	case n < 0 || n > len(b):
		return nil, false
	default:
		return b[n:], read(v, b[:n])
	}
}

// selected returns the expression for the values of a column.
func selected(c rowset.Column) string {
	name := "t." + quote(c.Name)
	if castToText(c) {
		name += "::text[]"
	}
	return canonical(c, name)
}

// castToText tells whether the server is to make texts of the elements. Those of char(n) are texts
// in binary too, and would lose their blanks.
func castToText(c rowset.Column) bool {
	return c.Type.Kind == rowset.Array && elementReader(c.Type).format == textFormat && !isChar(c)
}

func isChar(c rowset.Column) bool {
	return strings.HasPrefix(c.SourceType, "character(") || strings.HasPrefix(c.SourceType, "bpchar")
}

// arrayElements are the types of the elements of PostgreSQL's own arrays that are read in binary.
var arrayElements = map[uint32]uint32{
	pgtype.BoolArrayOID: pgtype.BoolOID, pgtype.Int2ArrayOID: pgtype.Int2OID, pgtype.Int4ArrayOID: pgtype.Int4OID,
	pgtype.Int8ArrayOID: pgtype.Int8OID, pgtype.OIDArrayOID: pgtype.OIDOID, pgtype.Float4ArrayOID: pgtype.Float4OID,
	pgtype.Float8ArrayOID: pgtype.Float8OID, pgtype.ByteaArrayOID: pgtype.ByteaOID, pgtype.UUIDArrayOID: pgtype.UUIDOID,
	pgtype.DateArrayOID: pgtype.DateOID, pgtype.TimestampArrayOID: pgtype.TimestampOID,
	pgtype.TimestamptzArrayOID: pgtype.TimestamptzOID,
}

// firstUserOID is FirstNormalObjectId in PostgreSQL: types from there on are not its own.
const firstUserOID = 16384

// isArrayOf tells whether an array's type on the wire is what its reader expects. An array of a
// domain has a type of its own; the form of its elements tells whether they can be read.
func isArrayOf(c rowset.Column, oid uint32) bool {
	element, own := arrayElements[oid]
	switch {
	case castToText(c):
		return oid == pgtype.TextArrayOID
	case isChar(c):
		return oid == pgtype.BPCharArrayOID || oid >= firstUserOID
	default:
		return own && fixedTypes[element] == c.Type.Element || oid >= firstUserOID
	}
}
