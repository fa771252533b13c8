package postgres

import (
	"encoding/binary"
	"strings"

	"github.com/chferry/chferry/rowset"
	"github.com/jackc/pgx/v5/pgtype"
)

// keyColumn says how values of one column of the key are sent, and compared with the column.
type keyColumn struct {
	arrayOID, elementOID uint32
	array                string // the SQL type that the array is cast to
	enum                 string // the enum's SQL type, if the column is one
	schema               string // of the type, if it is outside of the search path
}

// keyColumnOf chooses the column's own type where the wire has a form of it that needs no reading by the server.
func keyColumnOf(c rowset.Column) keyColumn {
	switch c.Type.Kind {
	case rowset.Bool:
		return keyColumn{arrayOID: pgtype.BoolArrayOID, elementOID: pgtype.BoolOID, array: "bool[]"}
	case rowset.Int16:
		return keyColumn{arrayOID: pgtype.Int2ArrayOID, elementOID: pgtype.Int2OID, array: "int2[]"}
	case rowset.Int32:
		return keyColumn{arrayOID: pgtype.Int4ArrayOID, elementOID: pgtype.Int4OID, array: "int4[]"}
	case rowset.Int64:
		return keyColumn{arrayOID: pgtype.Int8ArrayOID, elementOID: pgtype.Int8OID, array: "int8[]"}
	case rowset.UUID:
		return keyColumn{arrayOID: pgtype.UUIDArrayOID, elementOID: pgtype.UUIDOID, array: "uuid[]"}
	case rowset.Date:
		return keyColumn{arrayOID: pgtype.DateArrayOID, elementOID: pgtype.DateOID, array: "date[]"}
	case rowset.Timestamp:
		if strings.HasSuffix(c.SourceType, "without time zone") {
			return keyColumn{arrayOID: pgtype.TimestampArrayOID, elementOID: pgtype.TimestampOID, array: "timestamp[]"}
		}
		return keyColumn{
			arrayOID: pgtype.TimestamptzArrayOID, elementOID: pgtype.TimestamptzOID,
			array: "timestamptz[]",
		}
	}
	text := keyColumn{arrayOID: pgtype.TextArrayOID, elementOID: pgtype.TextOID, array: "text[]"}
	switch {
	case c.Type.Kind == rowset.Bytes:
		return keyColumn{arrayOID: pgtype.ByteaArrayOID, elementOID: pgtype.ByteaOID, array: "bytea[]"}
	case c.Type.Kind == rowset.Decimal:
		text.array = "text[]::numeric[]"
	case c.Type.Kind == rowset.Enum:
		text.enum = c.SourceType
	case c.ReadBySource:
		text.array, text.schema = "text[]::"+keyType(c)+"[]", schemaOf(keyType(c))
	}
	return text
}

// condition compares a column with a key's value. A text that is none of an enum's labels is null
// there, and so equals no row: casting it would fail the whole statement. The column is cast too,
// for a domain has no comparison with its enum. A type that is outside of the search path has its
// comparison there too; without it texts would be compared.
func (c keyColumn) condition(column, key string) string {
	if c.enum == "" {
		equals := " = "
		if c.schema != "" {
			equals = " OPERATOR(" + c.schema + ".=) "
		}
		return column + equals + key
	}
	labels := "(SELECT enum_range(NULL::" + c.enum + ")::text[])"
	return column + "::" + c.enum + " = CASE WHEN " + key + " = ANY (" + labels + "::text[]) THEN " + key + "::" +
		c.enum + " END"
}

// schemaOf returns the schema in a type's name, quoted where that needs it; empty if it has none.
func schemaOf(typ string) string {
	quoted := false
	dot := strings.IndexFunc(typ, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == '.' && !quoted
	})
	return typ[:max(dot, 0)]
}

// arrayOf encodes the keys' values in PostgreSQL's binary form of an array: the number of
// dimensions, whether there are nulls, the type, each dimension's length and lower bound, and each
// value after its length (array_recv in arrayfuncs.c).
func arrayOf(v *rowset.Vector, column rowset.Column) param {
	c, n := keyColumnOf(column), v.Len()
	b := make([]byte, 0, 20+n*12+len(v.Data))
	for _, header := range []uint32{1, 0, c.elementOID, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, header)
	}
	for i := range n {
		b = appendElement(b, v, i)
	}
	return param{c.arrayOID, binaryFormat, b}
}

func appendElement(b []byte, v *rowset.Vector, i int) []byte {
	switch v.Type.Kind {
	case rowset.Bool:
		return append(b, 0, 0, 0, 1, byte(v.Ints[i]))
	case rowset.Int16:
		return binary.BigEndian.AppendUint16(append(b, 0, 0, 0, 2), uint16(v.Ints[i]))
	case rowset.Int32:
		return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v.Ints[i]))
	case rowset.Int64:
		return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v.Ints[i]))
	case rowset.Date:
		return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(daysToWire(v.Ints[i])))
	case rowset.Timestamp:
		return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(microsToWire(v.Ints[i])))
	default:
		value := v.At(i)
		return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
	}
}
