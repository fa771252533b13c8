package clickhouse_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry/rowset"
)

// rowBinary returns columns of a table, a value for each row, as the server itself writes them, in the
// order of the ids.
func (s *server) rowBinary(t *testing.T, table, columns string) (values [][]byte) {
	t.Helper()
	sql := "SELECT hex(formatRow('RowBinary', " + columns + ")) FROM " + s.database + "." + table + " FINAL ORDER BY id"
	for _, row := range s.rows(t, sql, []rowset.TypeKind{rowset.String}) {
		value, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
	}
	return values
}

// appendRowBinary appends the value that from begins with, of a column of a type, and takes it off.
func appendRowBinary(t *testing.T, v *rowset.Vector, columnType string, from *bytes.Buffer) {
	t.Helper()
	columnType = unwrap(columnType, "LowCardinality")
	if element := unwrap(columnType, "Array"); element != columnType {
		for range lengthIn(t, from) {
			appendRowBinary(t, v.Elements(), element, from)
		}
		v.AppendArray()
		return
	}
	if plain := unwrap(columnType, "Nullable"); plain != columnType {
		if from.Next(1)[0] == 1 {
			v.AppendNull()
			return
		}
		columnType = plain
	}
	switch v.Type.Kind {
	case rowset.String:
		v.AppendData(from.Next(lengthIn(t, from)))
	case rowset.UUID:
		id := slices.Clone(from.Next(16))
		slices.Reverse(id[:8])
		slices.Reverse(id[8:])
		v.AppendData(id)
	case rowset.Float32:
		v.AppendFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(from.Next(4)))))
	case rowset.Float64:
		v.AppendFloat(math.Float64frombits(binary.LittleEndian.Uint64(from.Next(8))))
	case rowset.Decimal:
		width := 4
		for _, precision := range []int{9, 18, 38} {
			if v.Type.Precision > precision {
				width *= 2
			}
		}
		v.AppendData(pointed(signed(from.Next(width)).String(), v.Type.Scale))
	default:
		v.AppendInt(wholeIn(t, columnType, from))
	}
}

// wholeIn reads an integer, a date, or a timestamp as microseconds.
func wholeIn(t *testing.T, columnType string, from *bytes.Buffer) int64 {
	t.Helper()
	base, args, _ := strings.Cut(columnType, "(")
	switch base {
	case "Bool", "UInt8":
		return int64(from.Next(1)[0])
	case "Int8":
		return int64(int8(from.Next(1)[0]))
	case "UInt16", "Date":
		return int64(binary.LittleEndian.Uint16(from.Next(2)))
	case "Int16":
		return int64(int16(binary.LittleEndian.Uint16(from.Next(2))))
	case "UInt32":
		return int64(binary.LittleEndian.Uint32(from.Next(4)))
	case "Int32", "Date32":
		return int64(int32(binary.LittleEndian.Uint32(from.Next(4))))
	case "DateTime":
		return int64(binary.LittleEndian.Uint32(from.Next(4))) * 1_000_000
	case "UInt64", "Int64":
		return int64(binary.LittleEndian.Uint64(from.Next(8)))
	case "DateTime64":
		n := int64(binary.LittleEndian.Uint64(from.Next(8)))
		for digits := args[0] - '0'; digits != 6; {
			if digits < 6 {
				n, digits = n*10, digits+1
			} else {
				n, digits = n/10, digits-1
			}
		}
		return n
	}
	t.Fatalf("unexpected type %s", columnType)
	return 0
}

func lengthIn(t *testing.T, from *bytes.Buffer) int {
	t.Helper()
	n, err := binary.ReadUvarint(from)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func unwrap(columnType, wrapper string) string {
	if inner, ok := strings.CutPrefix(columnType, wrapper+"("); ok {
		return strings.TrimSuffix(inner, ")")
	}
	return columnType
}

// pointed sets the point into the digits of a number.
func pointed(digits string, scale int) []byte {
	digits, negative := strings.CutPrefix(digits, "-")
	digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if negative {
		digits = "-" + digits
	}
	return []byte(digits)
}
