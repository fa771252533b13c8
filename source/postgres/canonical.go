package postgres

import (
	"fmt"

	"github.com/chferry/chferry/rowset"
)

// canonical returns the SQL expression for the text of a key's value. PostgreSQL holds 1.5 and
// 1.50, 1 day and 24:00:00, or [1.5,2) and [1.50,2.0) equal, but writes each as it was stored.
// ClickHouse compares texts, so equal values must have one text, the same for a row as for a
// registered key.
func canonical(c rowset.Column, value string) string {
	if !c.ReadBySource {
		return value
	}
	switch keyType(c) {
	case "numeric":
		return canonicalNumber(value)
	case "numrange":
		return canonicalRange(value)
	case "interval":
		return canonicalInterval(value)
	case "bpchar":
		if unbounded(c) {
			return value + "::text" // which drops the blanks at its end
		}
	}
	return value
}

// unbounded reports whether a column is a bpchar without a length: it keeps blanks that it does not
// compare. A char(n) always has all.
func unbounded(c rowset.Column) bool { return c.SourceType == "bpchar" }

// canonicalNumber drops the zeros at the end of a fraction, as trim_scale does, which PostgreSQL 12 does not have.
func canonicalNumber(value string) string {
	return fmt.Sprintf("(CASE WHEN pg_catalog.strpos(%s::text, '.') > 0 THEN "+
		"pg_catalog.rtrim(pg_catalog.rtrim(%[1]s::text, '0'), '.') ELSE %[1]s::text END)", value)
}

// canonicalRange is the range with canonical bounds. An empty range has none, and is written as empty.
func canonicalRange(value string) string {
	value = "(" + value + "::numrange)"
	bound := func(of string) string { return canonicalNumber("pg_catalog."+of+"("+value+")") + "::numeric" }
	return fmt.Sprintf("(CASE WHEN pg_catalog.isempty(%s) THEN %[1]s ELSE pg_catalog.numrange(%s, %s, "+
		"CASE WHEN pg_catalog.lower_inc(%[1]s) THEN '[' ELSE '(' END || CASE WHEN pg_catalog.upper_inc(%[1]s) THEN "+
		"']' ELSE ')' END) END)::text",
		value, bound("lower"), bound("upper"))
}

// mostYears is how many years an interval may have to be written canonically. Beyond them justify_interval overflows.
const mostYears = 178_000_000

// canonicalInterval counts 24 hours as a day and 30 days as a month, as the comparison of intervals
// does, and gives all parts one sign. The infinities of PostgreSQL 17 stay as they are.
func canonicalInterval(value string) string {
	return fmt.Sprintf("(CASE WHEN %s::interval BETWEEN '-%d years'::interval AND '%[2]d years'::interval "+
		"THEN pg_catalog.justify_interval(%[1]s) ELSE %[1]s::interval END)::text", value, mostYears)
}
