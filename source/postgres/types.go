package postgres

import (
	"math"

	"github.com/chferry/chferry/rowset"
	"github.com/jackc/pgx/v5/pgtype"
)

// maxPrecision is the number of digits that the destination's decimals can hold.
const maxPrecision = 76

var fixedTypes = map[uint32]rowset.TypeKind{
	pgtype.BoolOID: rowset.Bool,
	pgtype.Int2OID: rowset.Int16, pgtype.Int4OID: rowset.Int32,
	pgtype.Int8OID: rowset.Int64, pgtype.OIDOID: rowset.Int64,
	pgtype.Float4OID: rowset.Float32, pgtype.Float8OID: rowset.Float64,
	pgtype.ByteaOID: rowset.Bytes, pgtype.UUIDOID: rowset.UUID,
	pgtype.DateOID: rowset.Date, pgtype.TimestampOID: rowset.Timestamp, pgtype.TimestamptzOID: rowset.Timestamp,
}

// typeOf maps a type that is neither domain nor array; whatever has no kind of its own is a string,
// as the server writes it.
func typeOf(oid uint32, modifier int32) rowset.Type {
	if oid == pgtype.NumericOID {
		return numericType(modifier)
	}
	if kind, ok := fixedTypes[oid]; ok {
		return rowset.Type{Kind: kind}
	}
	return rowset.Type{Kind: rowset.String}
}

// arrayType is an array of a type. Any of its elements may be null, whatever the column says.
func arrayType(of rowset.Type, dimensions int) rowset.Type {
	return rowset.Type{
		Kind: rowset.Array, Element: of.Kind, Dimensions: dimensions, Precision: of.Precision, Scale: of.Scale,
		Nullable: true,
	}
}

// numericType reads the modifier of a numeric as numeric_typmod_precision and numeric_typmod_scale do in PostgreSQL's
// numeric.c. Since PostgreSQL 15 the scale may be negative, or greater than the precision.
func numericType(modifier int32) rowset.Type {
	if modifier < numericHeader {
		return rowset.Type{Kind: rowset.String}
	}
	precision, scale := numericModifier(modifier)
	if scale < 0 {
		precision, scale = precision-scale, 0
	}
	precision = max(precision, scale)
	if precision > maxPrecision {
		return rowset.Type{Kind: rowset.String}
	}
	return rowset.Type{Kind: rowset.Decimal, Precision: precision, Scale: scale}
}

// numericHeader is how much a modifier has before what it says.
const numericHeader = 4

func numericModifier(modifier int32) (precision, scale int) {
	const scaleBits, scaleSign = 0x7ff, 0x400
	modifier -= numericHeader
	return int(modifier >> 16 & 0xffff), int(modifier&scaleBits^scaleSign) - scaleSign
}

// Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const (
	epochDays   = 10957
	epochMicros = epochDays * 24 * 60 * 60 * 1_000_000
)

// daysFromWire and daysToWire keep the two infinities.
func daysFromWire(days int32) int64 {
	switch days {
	case math.MaxInt32:
		return math.MaxInt64
	case math.MinInt32:
		return math.MinInt64
	default:
		return int64(days) + epochDays
	}
}

func daysToWire(days int64) int32 {
	return int32(min(max(days, math.MinInt32+epochDays)-epochDays, math.MaxInt32))
}

// microsFromWire keeps the two infinities. PostgreSQL's last years can't be counted from 1970 in 64 bits.
func microsFromWire(micros int64) int64 {
	switch {
	case micros == math.MaxInt64:
		return math.MaxInt64
	case micros >= rowset.Uncountable-epochMicros:
		return rowset.Uncountable
	case micros == math.MinInt64:
		return math.MinInt64
	default:
		return micros + epochMicros
	}
}

func microsToWire(micros int64) int64 {
	switch {
	case micros == math.MaxInt64:
		return math.MaxInt64
	case micros < math.MinInt64+epochMicros:
		return math.MinInt64
	default:
		return micros - epochMicros
	}
}
