package clickhouse

import (
	"encoding/binary"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

var errShortKey = errors.New("the server's key is shorter than its columns")

// appendRowBinaryKey reads a key that the server wrote as RowBinary, whose columns are these, and
// appends it to the vectors.
func appendRowBinaryKey(vectors []rowset.Vector, columns []column, wire []byte) error {
	for i, c := range columns {
		width := c.width()
		if c.base == "String" {
			length, n := binary.Uvarint(wire)
			if n <= 0 || length > uint64(len(wire)-n) {
				return errShortKey
			}
			wire, width = wire[n:], int(length)
		}
		if len(wire) < width {
			return errShortKey
		}
		if err := c.appendKeyValue(&vectors[i], wire[:width]); err != nil {
			return err
		}
		wire = wire[width:]
	}
	if len(wire) > 0 {
		return errors.New("the server's key is longer than its columns")
	}
	return nil
}

// keepsKey reports whether the column holds the source's values of a kind as the source has them.
func (c column) keepsKey(kind rowset.TypeKind) bool {
	_, whole := integerKinds[kind]
	_, number := integers[c.base]
	switch c.base {
	case "String":
		return kind == rowset.String || kind == rowset.Enum || kind == rowset.Bytes
	case "UUID", "Date", "Date32", "DateTime", "DateTime64":
		return true
	default:
		return (number || c.base == "Bool") && whole
	}
}

// appendKeyValue appends a value as the source has it, whatever the column was cast to.
func (c column) appendKeyValue(v *rowset.Vector, wire []byte) error {
	kind := v.Type.Kind
	_, whole := integerKinds[kind]
	to, number := integers[c.base]
	switch {
	case c.base == "String" && (kind == rowset.String || kind == rowset.Enum || kind == rowset.Bytes):
		v.AppendData(wire)
	case c.base == "String":
		return appendKeyText(v, string(wire))
	case c.base == "UUID":
		v.AppendData(slices.Concat(reversed(wire[:8]), reversed(wire[8:])))
	case (number || c.base == "Bool") && whole:
		v.AppendInt(littleEndian(wire, to.signed))
	case number && to.signed:
		return appendKeyText(v, strconv.FormatInt(littleEndian(wire, true), 10))
	case number:
		return appendKeyText(v, strconv.FormatUint(uint64(littleEndian(wire, false)), 10))
	case c.base == "Decimal":
		text := scaledText(wire, c.args[1])
		// A text of the source has no zeros that the type adds.
		if kind == rowset.String && strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return appendKeyText(v, text)
	case c.base == "Date" || c.base == "Date32":
		v.AppendInt(littleEndian(wire, c.base == "Date32"))
	case c.base == "DateTime":
		v.AppendInt(littleEndian(wire, false) * microsPerSecond)
	case c.base == "DateTime64":
		v.AppendInt(littleEndian(wire, true) / c.ticksPerMicro() * c.microsPerTick())
	default:
		return errors.New("no key has the type " + c.base)
	}
	return nil
}

func appendKeyText(v *rowset.Vector, text string) error {
	one := []rowset.Vector{*v}
	err := rowset.AppendPrimaryKey(one, chferry.PrimaryKey{text})
	*v = one[0]
	return err
}

func littleEndian(wire []byte, signed bool) int64 {
	var n uint64
	for i, b := range wire {
		n |= uint64(b) << (8 * i)
	}
	if unused := 64 - 8*len(wire); signed {
		return int64(n<<unused) >> unused
	}
	return int64(n)
}

func reversed(wire []byte) []byte {
	out := slices.Clone(wire)
	slices.Reverse(out)
	return out
}

// scaledText writes a decimal, which is a whole number of little-endian bytes, with so many digits
// behind the point.
func scaledText(wire []byte, scale int) string {
	n := new(big.Int).SetBytes(reversed(wire))
	if wire[len(wire)-1] >= 1<<7 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(wire))))
	}
	digits := new(big.Int).Abs(n).String()
	if short := scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if n.Sign() < 0 {
		digits = "-" + digits
	}
	return digits
}
