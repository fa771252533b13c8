package worker_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// everyValue is a value of PostgreSQL and what ClickHouse shows of it: the one that is installed,
// which may be 18.16, and one of today.
type everyValue struct {
	in             string
	installed      string
	modern         string
	installedFails string // why its operation is set aside; empty: it is not
	modernFails    string
}

// everyColumn is a column of the table that has all types.
type everyColumn struct {
	name   string
	sql    string
	show   string // how ClickHouse is asked, of %s; empty: toString
	cast   string
	values []everyValue
}

// as is a value that both show alike.
func as(in, shown string) everyValue { return everyValue{in: in, installed: shown, modern: shown} }

// itself are values that both show as they were written.
func itself(values ...string) []everyValue {
	var list []everyValue
	for _, v := range values {
		list = append(list, as(v, v))
	}
	return list
}

// either is a value that they show differently.
func either(in, installed, modern string) everyValue {
	return everyValue{in: in, installed: installed, modern: modern}
}

// aside is a value whose operation both set aside.
func aside(in, why string) everyValue {
	return everyValue{in: in, installedFails: why, modernFails: why}
}

const bits = "lower(hex(reinterpretAsString(assumeNotNull(%s))))"

func bits64(in string, n float64) everyValue {
	return as(in, littleEndian(math.Float64bits(n)))
}

func bits32(in string, n float32) everyValue {
	return as(in, littleEndian(uint64(math.Float32bits(n))))
}

// littleEndian leaves out zeros at the end, as ClickHouse does.
func littleEndian(n uint64) string {
	var b []byte
	for ; n > 0; n >>= 8 {
		b = append(b, byte(n))
	}
	return hex.EncodeToString(b)
}

// everyPlane is a text with characters of each plane of Unicode that has any, and the ends of each length in UTF-8.
const everyPlane = "\x01\t\n\\'\"`A\x7f\u0080\u07ff\u0800日本" +
	"\ufffd\uffff\U00010000🚢\U0001ffff\U00020000\U00030000\U000e0001\U000f0000\U0010fffd\U0010ffff"

// everyLabel is one of an enum.
const everyLabel = "日本 🚢 \U0010ffff"

func everyColumns() []everyColumn {
	var allBytes strings.Builder
	for n := range 256 {
		fmt.Fprintf(&allBytes, "%02x", n)
	}
	nines := func(n int) string { return strings.Repeat("9", n) }
	return []everyColumn{
		{sql: "boolean", values: []everyValue{either("true", "1", "true"), either("false", "0", "false")}},
		{sql: "smallint", values: itself("-32768", "32767", "0")},
		{sql: "integer", values: itself("-2147483648", "2147483647")},
		{sql: "bigint", values: itself("-9223372036854775808", "9223372036854775807")},
		{sql: "oid", values: itself("0", "4294967295")},
		{sql: "real", show: bits, values: []everyValue{
			bits32("3.4028235e38", math.MaxFloat32), bits32("1e-45", math.SmallestNonzeroFloat32), bits32("0.1", 0.1),
			bits32("-0", float32(math.Copysign(0, -1))),
			bits32("Infinity", float32(math.Inf(1))), bits32("-Infinity", float32(math.Inf(-1))), as("NaN", "0000c07f"),
		}},
		{sql: "double precision", show: bits, values: []everyValue{
			bits64("1.7976931348623157e308", math.MaxFloat64), bits64("5e-324", math.SmallestNonzeroFloat64),
			bits64("0.1", 0.1), bits64("-0", math.Copysign(0, -1)),
			bits64("Infinity", math.Inf(1)), bits64("-Infinity", math.Inf(-1)), as("NaN", "000000000000f87f"),
		}},
		{
			sql: "numeric(12,2)",
			values: append(itself("9999999999.99", "-9999999999.99", "-0.01"),
				aside("NaN", `"numeric(12,2)" (Nullable(Decimal(12, 2))) can't hold what is no number`)),
		},
		{
			sql: "numeric(76,38)",
			values: append(itself(nines(38)+"."+nines(38), "-"+nines(38)+"."+nines(38)),
				everyValue{in: "NaN", installed: "NaN", modernFails: "no number"}),
		},
		{sql: "numeric(80,2)", values: itself(nines(78)+".99", "NaN")},
		{sql: "numeric(3,-2)", values: itself("99900")},
		{sql: "numeric", values: itself("1.00", "NaN", "Infinity", "-Infinity", nines(5000)+"."+nines(5000))},
		// ClickHouse 18.16 garbles the text of longer ones.
		{
			name: "numeric as decimal", sql: "numeric", cast: "Decimal(38, 10)",
			values: append(itself("123456789012345678.0123456789", "-0.0000000001"),
				aside("0.00000000001", "with that many digits"), aside(nines(29), "with that many digits"),
				aside("NaN", "no number"), aside("-Infinity", "no number")),
		},
		{
			name: "numeric as integer", sql: "numeric", cast: "UInt64",
			values: append(itself("18446744073709551615", "0"), as("7.000", "7"),
				aside("18446744073709551616", "no whole number"), aside("-1", "no whole number"),
				aside("0.5", "no whole number")),
		},
		{
			name: "bigint as byte", sql: "bigint", cast: "Int8",
			values: append(itself("-128", "127"), aside("128", "outside its range")),
		},
		{
			name: "double as text", sql: "double precision", cast: "String",
			values: append(itself("0.1", "NaN", "-Infinity"), as("1e300", "1e+300")),
		},
		{sql: "text", values: append(itself("", " ", everyPlane, "NULL", `\N`),
			as("long", strings.Repeat("é", 5<<20)))},
		{sql: "varchar(5)", values: itself("", "日本語🚢é")},
		{sql: "char(4)", values: []everyValue{as("ab", "ab  ")}},
		{sql: "name", values: itself("some name")},
		{sql: "citext", values: itself("Ab")},
		{sql: "json", values: itself(`{"b": 1,  "a":[null, "é"], "b": 1e400}`)},
		{sql: "jsonb", values: []everyValue{
			as(`{"b": 1,  "a":[null, "\u00e9"]}`, `{"a": [null, "é"], "b": 1}`),
			as("null", "null"),
		}},
		{sql: "xml", values: itself("<a>é</a>")},
		{sql: "hstore", values: itself(`"a"=>NULL, "b"=>"1"`)},
		{sql: "mood", values: itself("happy", "it's", everyLabel)},
		{
			sql: "bytea", show: "lower(hex(assumeNotNull(%s)))",
			values: []everyValue{as(`\x`, ""), as(`\x`+allBytes.String(), allBytes.String())},
		},
		{sql: "uuid", values: itself("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
			"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6")},
		{sql: "date", values: []everyValue{
			as("2024-02-29", "2024-02-29"), as("2106-02-07", "2106-02-07"),
			either("1900-01-01", "0000-00-00", "1900-01-01"), either("2299-12-31", "2106-02-07", "2299-12-31"),
			either("1899-12-31", "0000-00-00", "1900-01-01"), either("2300-01-01", "2106-02-07", "2299-12-31"),
			either("4713-01-01 BC", "0000-00-00", "1900-01-01"),
			either("5874897-12-31", "2106-02-07", "2299-12-31"), either("infinity", "2106-02-07", "2299-12-31"),
			either("-infinity", "0000-00-00", "1900-01-01"),
		}},
		{
			name: "date as text", sql: "date", cast: "String",
			values: append(itself("2024-02-29", "0044-03-15 BC", "infinity", "-infinity"),
				as("5874897-12-31", "5874897-12-31")),
		},
		{sql: "timestamp", values: timestamps("")},
		{sql: "timestamptz", values: append(timestamps("+00"),
			either("2024-02-29 23:59:59.999999-09:30", "2024-03-01 09:29:59", "2024-03-01 09:29:59.999999"))},
		{
			name: "timestamp as text", sql: "timestamp", cast: "String",
			values: itself("2024-02-29 12:34:56.000001", "4713-01-01 00:00:00 BC", "infinity", "-infinity"),
		},
		{sql: "time", values: itself("00:00:00", "24:00:00", "12:34:56.789012")},
		{sql: "timetz", values: itself("12:34:56+02", "00:00:00-15:59:59")},
		{sql: "interval", values: itself("-178000000 years", "178000000 years", "1 year 2 mons -3 days +04:05:06.7",
			"00:00:00")},
		{sql: "inet", values: itself("10.0.0.1", "10.0.0.0/8", "::ffff:1.2.3.4")},
		{sql: "cidr", values: itself("10.0.0.0/8")},
		{sql: "macaddr", values: itself("08:00:2b:01:02:03")},
		{sql: "macaddr8", values: itself("08:00:2b:01:02:03:04:05")},
		{sql: "int4range", values: itself("[1,5)", "empty", "(,)")},
		{sql: "nummultirange", values: itself("{[1.5,3),[5,7)}", "{}")},
		{sql: "tstzrange", values: itself(`["2024-02-29 12:00:00+00",infinity]`)},
		{sql: "money", values: itself("$1,234.50", "-$92,233,720,368,547,758.08")},
		{sql: "bit(4)", values: itself("1010")},
		{sql: "bit varying", values: itself("", "101")},
		{sql: "point", values: itself("(0.1,2)", "(NaN,Infinity)")},
		{sql: "polygon", values: itself("((0,0),(1,1),(1,0))")},
		{sql: "circle", values: itself("<(0,0),1.5>")},
		{sql: "tsvector", values: itself("'a' 'b'")},
		{sql: "pg_lsn", values: itself("FFFFFFFF/FFFFFFFF")},
		{sql: "pair", values: itself(`(1,"a b")`, "(,)")},
		{sql: "positive", values: itself("1", "2147483647")},
		{sql: "int[]", values: append(itself("[]"),
			as("{-2147483648,NULL,2147483647}", "[-2147483648,NULL,2147483647]"), as("[5:6]={1,2}", "[1,2]"),
			aside("{{1,2}}", `column "int[]" (integer[]) holds a 2-dimensional array`))},
		{sql: "int[][]", values: append(itself("[]"), as("{{1,NULL},{3,4}}", "[[1,NULL],[3,4]]"),
			aside("{1}", "holds a 1-dimensional array"))},
		{sql: "text[][][]", values: append(itself("[]"),
			as(`{{{a,NULL},{"b,'c",""}}}`, `[[['a',NULL],['b,\'c','']]]`))},
		{
			sql: "numeric(12,2)[]",
			values: append(itself("[]"), as("{0.01,-9999999999.99,NULL}", "[0.01,-9999999999.99,NULL]"),
				aside("{1,NaN}", "can't hold what is no number")),
		},
		{sql: "date[]", values: append(itself("[]"),
			either("{infinity,NULL,-infinity}", "['2106-02-07',NULL,'0000-00-00']",
				"['2299-12-31',NULL,'1900-01-01']"))},
		{sql: "mood[]", values: append(itself("[]"), as("{happy,it's}", `['happy','it\'s']`))},
		{sql: "jsonb[]", values: append(itself("[]"), as(`{"{\"a\":null}"}`, `['{"a": null}']`))},
		{
			sql: "bytea[]", show: "arrayStringConcat(arrayMap(x -> lower(hex(assumeNotNull(x))), %s), ' ')",
			values: []everyValue{as(`{"\\x00ff","\\x"}`, "00ff ")},
		},
		{
			name: "no null in it", sql: "int[]", cast: "Array(Int64)",
			values: append(itself("[]"), as("{1}", "[1]"), aside("{1,NULL}", "an array with a null in it")),
		},
		{name: `Odd "name".with\ select`, sql: "text", values: itself("odd")},
		{name: "SELECT", sql: "text", values: itself("reserved")},
	}
}

// timestamps are values of both types, in a zone.
func timestamps(zone string) []everyValue {
	const first, last = "0000-00-00 00:00:00", "2105-12-31 23:59:59"
	const modernFirst, modernLast = "1900-01-01 00:00:00.000000", "2299-12-31 23:59:59.999999"
	return []everyValue{
		either("2024-02-29 12:34:56.789012"+zone, "2024-02-29 12:34:56", "2024-02-29 12:34:56.789012"),
		either("1969-12-31 23:59:59.999999"+zone, first, "1969-12-31 23:59:59.999999"),
		either("1900-01-01 00:00:00"+zone, first, modernFirst),
		either("1899-12-31 23:59:59.999999"+zone, first, modernFirst),
		either("2299-12-31 23:59:59.999999"+zone, last, modernLast),
		either("2300-01-01 00:00:00"+zone, last, modernLast),
		either("4713-01-01 00:00:00"+zone+" BC", first, modernFirst),
		either("294276-12-31 23:59:59.999999"+zone, last, modernLast),
		either("infinity", last, modernLast),
		either("-infinity", first, modernFirst),
	}
}
