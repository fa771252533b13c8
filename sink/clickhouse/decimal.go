package clickhouse

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"
)

// appendDecimal appends the number that text stands for, times 10^scale, as a little-endian integer of the width that
// ClickHouse gives to the precision. It tells why if it can't.
func appendDecimal(dst, text []byte, precision, scale int) ([]byte, string) {
	digits := text
	negative := bytes.HasPrefix(digits, []byte("-"))
	if negative {
		digits = digits[1:]
	}
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	if !allDigits(whole) || !allDigits(fraction) || len(whole)+len(fraction) == 0 {
		return dst, "what is no number of digits alone, such as NaN or a word"
	}
	whole, fraction = bytes.TrimLeft(whole, "0"), bytes.TrimRight(fraction, "0")
	if len(whole) > precision-scale || len(fraction) > scale {
		return dst, "a number with that many digits"
	}
	var words [4]uint64
	n := decimalWidth(precision)
	number := words[:(n+7)/8]
	for _, d := range whole {
		multiplyAdd(number, 10, uint64(d-'0'))
	}
	for _, d := range fraction {
		multiplyAdd(number, 10, uint64(d-'0'))
	}
	for range scale - len(fraction) {
		multiplyAdd(number, 10, 0)
	}
	if negative {
		negate(number)
	}
	if n == 4 {
		return binary.LittleEndian.AppendUint32(dst, uint32(number[0])), ""
	}
	for _, w := range number {
		dst = binary.LittleEndian.AppendUint64(dst, w)
	}
	return dst, ""
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

// wholeNumber returns the integer that text stands for as its lowest bits; false if it is none in the range.
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
