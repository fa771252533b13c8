package sqlite

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/chferry/chferry/rowset"
)

// maxPrecision is the number of digits that the destination's decimals can hold.
const maxPrecision = 76

// kinds are by a word of the declared type; the first word that is here decides, as in DOUBLE PRECISION and UNSIGNED
// BIG INT. A type without such a word is a string.
var kinds = map[string]rowset.TypeKind{
	"BOOLEAN": rowset.Bool, "BOOL": rowset.Bool,
	"INTEGER": rowset.Int64, "INT": rowset.Int64, "TINYINT": rowset.Int64, "SMALLINT": rowset.Int64,
	"MEDIUMINT": rowset.Int64, "BIGINT": rowset.Int64, "INT2": rowset.Int64, "INT4": rowset.Int64, "INT8": rowset.Int64,
	"REAL": rowset.Float64, "DOUBLE": rowset.Float64, "FLOAT": rowset.Float64,
	"DECIMAL": rowset.Decimal, "NUMERIC": rowset.Decimal, "DEC": rowset.Decimal,
	"BLOB": rowset.Bytes, "BINARY": rowset.Bytes, "VARBINARY": rowset.Bytes, "BYTEA": rowset.Bytes,
	"UUID": rowset.UUID, "DATE": rowset.Date,
	"DATETIME": rowset.Timestamp, "TIMESTAMP": rowset.Timestamp, "TIMESTAMPTZ": rowset.Timestamp,
	"TEXT": rowset.String, "CHAR": rowset.String, "VARCHAR": rowset.String, "CLOB": rowset.String,
}

var (
	words = regexp.MustCompile(`[A-Z0-9_]+`)
	sizes = regexp.MustCompile(`\(\s*([0-9]+)\s*(?:,\s*([0-9]+)\s*)?\)`)
)

// typeOf maps a declared type, which SQLite keeps as it was written and ignores but for its affinity.
func typeOf(declared string) rowset.Type {
	name, _, _ := strings.Cut(strings.ToUpper(declared), "(")
	for _, word := range words.FindAllString(name, -1) {
		switch kind, ok := kinds[word]; {
		case !ok:
		case kind == rowset.Decimal:
			return decimalType(declared)
		default:
			return rowset.Type{Kind: kind}
		}
	}
	return rowset.Type{Kind: rowset.String}
}

// decimalType gives a decimal without a precision, or with more digits than can be held, as text.
func decimalType(declared string) rowset.Type {
	found := sizes.FindStringSubmatch(declared)
	if found == nil {
		return rowset.Type{Kind: rowset.String}
	}
	precision, _ := strconv.Atoi(found[1]) // of digits; one that overflows is the greatest integer
	scale, _ := strconv.Atoi(found[2])
	precision = max(precision, scale)
	if precision == 0 || precision > maxPrecision {
		return rowset.Type{Kind: rowset.String}
	}
	return rowset.Type{Kind: rowset.Decimal, Precision: precision, Scale: scale}
}

// textAffinity tells whether a column of that type turns numbers into text when they are stored, by the rules in
// https://www.sqlite.org/datatype3.html#determination_of_column_affinity.
func textAffinity(declared string) bool {
	declared = strings.ToUpper(declared)
	has := func(part string) bool { return strings.Contains(declared, part) }
	return !has("INT") && slices.ContainsFunc([]string{"CHAR", "CLOB", "TEXT"}, has)
}
