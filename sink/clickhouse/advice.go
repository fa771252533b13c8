package clickhouse

import (
	"fmt"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// A column that does not fit is not changed by chferry, which says what to type instead. What it
// says must work: ClickHouse changes no type of a key's column, and a conversion that fails for one
// value leaves the table with a mutation that never ends.

// mend says how the column becomes one of another type in the table of d.
func (c column) mend(t table, d sink.Destination, to string) string {
	const anew = "then run chferry apply and chferry backfill KEY"
	alter := "ALTER TABLE " + t.sql() + onCluster(d)
	switch {
	case d.Fixed(c.name):
		return fmt.Sprintf("ClickHouse alters no column of a key or an engine, so the table must be made anew with "+
			"%s: drop or rename it, or name another in destination.table, %s", to, anew)
	case c.widens(newColumn(c.name, to, "")):
		return fmt.Sprintf("make it %s: %s MODIFY COLUMN %s %s, then run chferry apply", to, alter, quote(c.name), to)
	default:
		return fmt.Sprintf("make it %s, to which ClickHouse may not convert what it holds: %s DROP COLUMN %s, %s",
			to, alter, quote(c.name), anew)
	}
}

// widens tells whether every value of the column can be converted.
func (c column) widens(to column) bool {
	if c.dimensions != to.dimensions || c.nullable && !to.nullable {
		return false
	}
	from, whole := integers[c.base]
	if c.base == "Bool" {
		from, whole = integer{bits: 1}, true
	}
	switch wider, isWhole := integers[to.base]; {
	case to.base == "String" || c.base == to.base && len(to.args) == 0:
		return true
	case isWhole:
		return whole && wider.holds(from)
	case to.base == "Decimal" && whole:
		return to.args[0]-to.args[1] >= decimalDigitsOf(from)
	case to.base == "Decimal":
		return c.base == "Decimal" && to.args[1] >= c.args[1] && to.args[0]-to.args[1] >= c.args[0]-c.args[1]
	case to.base == "DateTime64":
		return c.base == "DateTime" || c.base == "DateTime64" && to.args[0] >= c.args[0]
	default:
		return to.base == "Float64" && c.base == "Float32" || to.base == "Date32" && c.base == "Date"
	}
}

// decimalDigitsOf returns how many digits the numbers of the range have at most.
func decimalDigitsOf(of integer) int {
	const bitsPerDigit = 3.32
	return int(float64(of.bits)/bitsPerDigit) + 1
}

// typeName is a source's type in words.
func typeName(t rowset.Type) string {
	switch {
	case t.Kind == rowset.Array:
		return "array of " + typeName(t.ElementType())
	case t.Kind == rowset.Decimal && t.Precision > 0:
		return fmt.Sprintf("Decimal(%d, %d)", t.Precision, t.Scale)
	default:
		return t.Kind.String()
	}
}
