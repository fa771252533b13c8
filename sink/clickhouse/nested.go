package clickhouse

import (
	"errors"
	"strings"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// ClickHouse takes arrays whose names have the same text before the first dot for the columns of
// one Nested: it refuses rows in which they differ in length, and a further column that has this
// text alone for its name. Other names with dots are names like any other, also those which look
// like a subcolumn, such as a.null and a.size0.

// nestedPart returns the name of the Nested that an array of this name would be in; empty if it would be in none.
func nestedPart(name string) string {
	prefix, rest, _ := strings.Cut(name, ".")
	if rest == "" {
		return ""
	}
	return prefix
}

// validateNested refuses the columns whose arrays would be parts of a Nested.
func validateNested(t table, d sink.Destination) error {
	var problems []error
	first := map[string]rowset.Column{} // array of each Nested
	for _, c := range d.Columns {
		prefix := nestedPart(c.Destination)
		if c.Type.Kind != rowset.Array || prefix == "" {
			continue
		}
		if other, ok := first[prefix]; ok {
			problems = append(problems,
				misfit(t, "columns %q and %q are arrays, which ClickHouse would take for one Nested and hold to one "+
					"length: give them names without a dot in columns.rename, such as %s and %s",
					other.Destination, c.Destination, renaming(other), renaming(c)))
			continue
		}
		first[prefix] = c
		if has(d, prefix) {
			problems = append(problems, nestedUnder(t, c, prefix))
		}
	}
	return errors.Join(problems...)
}

// nestedUnder returns the error for an array below a column.
func nestedUnder(t table, c rowset.Column, prefix string) error {
	return misfit(t, "column %q is an array, for which ClickHouse needs the name %q, but there is a column of that "+
		"name: give the array a name without a dot in columns.rename, such as %s", c.Destination, prefix, renaming(c))
}

func renaming(c rowset.Column) string {
	return `"` + c.Name + `": ` + strings.ReplaceAll(c.Destination, ".", "_")
}

func has(d sink.Destination, name string) bool {
	for _, c := range d.Columns {
		if c.Destination == name {
			return true
		}
	}
	return false
}

// hasNested refuses arrays below a column that is in the table alone.
func (e *existing) hasNested(d sink.Destination) error {
	var problems []error
	for _, c := range d.Columns {
		if prefix := nestedPart(c.Destination); c.Type.Kind == rowset.Array && prefix != "" && e.has(prefix) &&
			!has(d, prefix) {
			problems = append(problems, nestedUnder(e.table, c, prefix))
		}
	}
	return errors.Join(problems...)
}
