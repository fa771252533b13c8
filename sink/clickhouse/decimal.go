package clickhouse

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// decimals writes each number with all digits of the column's scale.
func (c *converter) decimals() {
	precision, scale := c.args[0], c.args[1]
	textAt := c.from.At
	if _, whole := integerKinds[c.from.Type.Kind]; whole {
		textAt = c.integerAt()
		c.values.Ints, c.values.Ends, c.copied = nil, make([]int, 0, c.from.Len()), true
	}
	var rewritten []byte
	for i := range c.from.Len() {
		text := textAt(i)
		if c.from.IsNull(i) {
			c.keep(i, text, true)
			continue
		}
		d, problem := parseDecimal(text, precision, scale)
		switch {
		case problem != "":
			c.reject(i, problem)
			c.keep(i, zeroDecimal, false)
		case d.isCanonical(scale):
			c.keep(i, text, true)
		default:
			rewritten = d.append(rewritten[:0], scale)
			c.keep(i, rewritten, false)
		}
	}
}

// integerAt returns a function that returns the text of an integer, which is valid until the next
// one.
func (c *converter) integerAt() func(i int) []byte {
	var text []byte
	return func(i int) []byte {
		text = c.from.AppendNumber(text[:0], i)
		return text
	}
}

var zeroDecimal, minus = []byte("0"), []byte("-")

// keep appends the canonical text of value i; same tells that it is the source's own.
func (c *converter) keep(i int, text []byte, same bool) {
	if !c.copied {
		if same {
			return
		}
		start, _ := c.from.Span(i)
		c.values.Data = append(make([]byte, 0, len(c.from.Data)), c.from.Data[:start]...)
		c.values.Ends = append(make([]int, 0, len(c.from.Ends)), c.from.Ends[:i]...)
		c.copied = true
	}
	c.values.Data = append(c.values.Data, text...)
	c.values.Ends = append(c.values.Ends, len(c.values.Data))
}

// decimal is a number as a text has it.
type decimal struct {
	negative        bool
	whole, fraction []byte // the digits before and behind the point
	length          int    // of the text
}

// parseDecimal reads a number of a precision and scale. It tells why if it can't.
func parseDecimal(text []byte, precision, scale int) (decimal, string) {
	d := decimal{length: len(text)}
	if d.negative = bytes.HasPrefix(text, minus); d.negative {
		text = text[1:]
	}
	d.whole, d.fraction, _ = bytes.Cut(text, []byte("."))
	if !allDigits(d.whole) || !allDigits(d.fraction) || len(d.whole)+len(d.fraction) == 0 {
		return d, "what is no number of digits alone, such as NaN or a word"
	}
	if len(trimLeft(d.whole)) > precision-scale || len(trimRight(d.fraction)) > scale {
		return d, "a number with that many digits"
	}
	return d, ""
}

// isCanonical tells whether the text is the one that [decimal.append] writes.
func (d decimal) isCanonical(scale int) bool {
	length := len(d.whole) + len(d.fraction)
	if scale > 0 {
		length++
	}
	if d.negative {
		length++
	}
	switch {
	case d.length != length, len(d.fraction) != scale, len(d.whole) == 0, len(d.whole) > 1 && d.whole[0] == '0':
		return false
	default:
		return !d.negative || !d.isZero()
	}
}

func (d decimal) isZero() bool { return len(trimLeft(d.whole))+len(trimLeft(d.fraction)) == 0 }

// append writes the number with one digit before the point at least, and as many behind it as scale
// says.
func (d decimal) append(dst []byte, scale int) []byte {
	if d.negative && !d.isZero() {
		dst = append(dst, '-')
	}
	whole, fraction := trimLeft(d.whole), trimRight(d.fraction)
	if len(whole) == 0 {
		whole = zeroDecimal
	}
	dst = append(dst, whole...)
	if scale == 0 {
		return dst
	}
	dst = append(append(dst, '.'), fraction...)
	return append(dst, bytes.Repeat(zeroDecimal, scale-len(fraction))...)
}

func trimLeft(digits []byte) []byte {
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
	}
	return digits
}

func trimRight(digits []byte) []byte {
	for len(digits) > 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
	}
	return digits
}

// appendScaled appends a canonical decimal without its point, as a little-endian integer of the
// width that ClickHouse gives to the precision. The text of a null may be empty.
func appendScaled(dst, text []byte, precision int) []byte {
	negative := bytes.HasPrefix(text, minus)
	n := decimalWidth(precision)
	if n <= 8 {
		number := uint64(0)
		for _, d := range text {
			if d >= '0' {
				number = number*10 + uint64(d-'0')
			}
		}
		if negative {
			number = -number
		}
		return appendInt(dst, int64(number), n)
	}
	var words [4]uint64
	number := words[:n/8]
	for _, d := range text {
		if d >= '0' {
			multiplyAdd(number, 10, uint64(d-'0'))
		}
	}
	if negative {
		negate(number)
	}
	dst = slices.Grow(dst, n)
	for _, w := range number {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst
}

// decimalWidth returns the bytes of a Decimal in ClickHouse.
func decimalWidth(precision int) int {
	switch {
	case precision <= 9:
		return 4
	case precision <= 18:
		return 8
	case precision <= 38:
		return 16
	default:
		return 32
	}
}

// wholeNumber returns the integer that text stands for as its lowest bits; false if it is none in
// the range.
func wholeNumber(text []byte, to integer) (int64, bool) {
	whole, fraction, _ := bytes.Cut(text, []byte("."))
	if len(bytes.Trim(fraction, "0")) > 0 {
		return 0, false
	}
	if to.signed {
		n, err := strconv.ParseInt(string(whole), 10, to.bits+1)
		return n, err == nil
	}
	n, err := strconv.ParseUint(string(whole), 10, to.bits)
	return int64(n), err == nil
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// multiplyAdd makes n·by + add of n, whose least significant word comes first.
func multiplyAdd(n []uint64, by, add uint64) {
	for i := range n {
		high, low := bits.Mul64(n[i], by)
		sum, carry := bits.Add64(low, add, 0)
		n[i], add = sum, high+carry
	}
}

// negate makes the two's complement of n.
func negate(n []uint64) {
	carry := uint64(1)
	for i := range n {
		n[i], carry = bits.Add64(^n[i], 0, carry)
	}
}
