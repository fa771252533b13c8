package sqlite

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chferry/chferry"
)

// maxPrecision is the number of digits that the destination's decimals can hold.
const maxPrecision = 76

// kinds are by a word of the declared type; the first word that is here decides, as in DOUBLE PRECISION and UNSIGNED
// BIG INT. A type without such a word is a string.
var kinds = map[string]chferry.TypeKind{
	"BOOLEAN": chferry.Bool, "BOOL": chferry.Bool,
	"INTEGER": chferry.Int64, "INT": chferry.Int64, "TINYINT": chferry.Int64, "SMALLINT": chferry.Int64, "MEDIUMINT": chferry.Int64,
	"BIGINT": chferry.Int64, "INT2": chferry.Int64, "INT4": chferry.Int64, "INT8": chferry.Int64,
	"REAL": chferry.Float64, "DOUBLE": chferry.Float64, "FLOAT": chferry.Float64,
	"DECIMAL": chferry.Decimal, "NUMERIC": chferry.Decimal, "DEC": chferry.Decimal,
	"BLOB": chferry.Bytes, "BINARY": chferry.Bytes, "VARBINARY": chferry.Bytes, "BYTEA": chferry.Bytes,
	"UUID": chferry.UUID, "DATE": chferry.Date,
	"DATETIME": chferry.Timestamp, "TIMESTAMP": chferry.Timestamp, "TIMESTAMPTZ": chferry.Timestamp,
	"TEXT": chferry.String, "CHAR": chferry.String, "VARCHAR": chferry.String, "CLOB": chferry.String,
}

var (
	words = regexp.MustCompile(`[A-Z0-9_]+`)
	sizes = regexp.MustCompile(`\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\)`)
)

// typeOf maps a declared type, which SQLite keeps as it was written and ignores but for its affinity.
func typeOf(declared string) chferry.Type {
	name, _, _ := strings.Cut(strings.ToUpper(declared), "(")
	for _, word := range words.FindAllString(name, -1) {
		switch kind, ok := kinds[word]; {
		case !ok:
		case kind == chferry.Decimal:
			return decimalType(declared)
		default:
			return chferry.Type{Kind: kind}
		}
	}
	return chferry.Type{Kind: chferry.String}
}

// decimalType gives a decimal without a precision, or with more digits than can be held, as text.
func decimalType(declared string) chferry.Type {
	found := sizes.FindStringSubmatch(declared)
	if found == nil {
		return chferry.Type{Kind: chferry.String}
	}
	precision, _ := strconv.Atoi(found[1]) // of digits; one that overflows is the greatest integer
	scale, _ := strconv.Atoi(found[2])
	precision = max(precision, scale)
	if precision == 0 || precision > maxPrecision {
		return chferry.Type{Kind: chferry.String}
	}
	return chferry.Type{Kind: chferry.Decimal, Precision: precision, Scale: scale}
}

// textAffinity tells whether a column of that type turns numbers into text when they are stored, by the rules in
// https://www.sqlite.org/datatype3.html#determination_of_column_affinity.
func textAffinity(declared string) bool {
	declared = strings.ToUpper(declared)
	has := func(part string) bool { return strings.Contains(declared, part) }
	return !has("INT") && slices.ContainsFunc([]string{"CHAR", "CLOB", "TEXT"}, has)
}
