package rowset

import (
	"errors"
	"maps"
	"slices"

	"github.com/chferry/chferry"
)

// Column is one column on its way from a source table to a destination table.
type Column struct {
	Name        string // in the source; empty for a column that an engine adds
	Destination string // in the destination
	Type        Type
	SourceType  string // the source's own name for the type, for messages and casts
	Cast        string // the destination's own name for the type that it is to have there; empty: as the sink chooses
	// ReadBySource tells, of a column of the primary key that holds texts or bytes, that only the
	// source can read a text as one of its values, such as PostgreSQL's inet. Different texts may
	// be equal there, as in citext.
	ReadBySource bool
	// Folds tells, of a column of the primary key, that the source holds different texts equal, as
	// citext does, and gives the one that it stores.
	Folds bool
	// Ordered tells, of a column of the primary key, that the source sorts what a vector can hold in
	// canonical order: numbers, dates and times by their value, false before true, texts, bytes and
	// UUIDs byte by byte.
	Ordered bool
	// Limits tell, of a column of the primary key, which values it has room for.
	Limits Limits
}

// Table is a source table as a sync uses it.
type Table struct {
	Database string // the alias
	Name     string // as configured, such as public.users
	// Identity changes when the alias or the name leads to another table than before. It begins with what tells the
	// database apart, up to the last slash outside of quoted names.
	Identity string
	// Mark is how far the database was when it was asked for the table: a number that grows with
	// its changes and never falls, not even over a failover. A copy of the past has the same
	// identity and a smaller mark. 0: the source can't tell.
	Mark       uint64
	Columns    []Column
	PrimaryKey []int // indexes into Columns, in the key's order
}

// KeyTypes returns the types of the primary key's columns, in the key's order.
func (t Table) KeyTypes() []Type {
	types := make([]Type, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		types[i] = t.Columns[c].Type
	}
	return types
}

// KeyReadBySource tells whether a column of the primary key has values that only the source can
// read: see [Column.ReadBySource].
func (t Table) KeyReadBySource() bool {
	return slices.ContainsFunc(t.PrimaryKey,
		func(c int) bool { return t.Columns[c].ReadBySource || t.Columns[c].Type.Kind == Enum })
}

// KeyDestinations returns the names that the primary key's columns have in the destination, in the key's order.
func (t Table) KeyDestinations() []string {
	names := make([]string, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		names[i] = t.Columns[c].Destination
	}
	return names
}

// Project leaves out the columns that the import does not want and gives the others the names and
// types that it wants in the destination. A name that the table does not have is passed over, for a
// column may be dropped while a sync runs: see [Table.Unknown]. It returns
// [chferry.CodeConfiguration] for a column of the primary key that is left out and for two columns
// of one name.
func (t Table) Project(imp chferry.Import) (Table, error) {
	var excluded string // a column of the key that is left out
	out := t.keep(func(c Column) bool {
		wanted := wants(imp, c.Name)
		if !wanted && t.isKey(c.Name) {
			excluded = c.Name
		}
		return wanted
	})
	if excluded != "" {
		return Table{}, chferry.Errorf(chferry.CodeConfiguration,
			"%s: columns leaves out %q, which is part of the primary key", t.Name, excluded)
	}
	taken := map[string]bool{}
	for i, c := range out.Columns {
		if as, ok := imp.Rename[c.Name]; ok {
			c.Destination = as
		}
		c.Cast = imp.Cast[c.Name]
		c.Type = c.Type.inDimensionsOf(c.Cast)
		if taken[c.Destination] {
			return Table{}, chferry.Errorf(chferry.CodeConfiguration,
				"%s: two columns would be named %q in the destination: mend columns.rename", t.Name, c.Destination)
		}
		taken[c.Destination] = true
		out.Columns[i] = c
	}
	return out, nil
}

// wants tells whether an import syncs a source column.
func wants(imp chferry.Import, name string) bool {
	if len(imp.Include) > 0 {
		return slices.Contains(imp.Include, name)
	}
	return !slices.Contains(imp.Exclude, name)
}

func (t Table) isKey(name string) bool {
	return slices.ContainsFunc(t.PrimaryKey, func(c int) bool { return t.Columns[c].Name == name })
}

// Without leaves out columns by their names in the destination. None of them may be of the primary key.
func (t Table) Without(destinations []string) Table {
	return t.keep(func(c Column) bool { return !slices.Contains(destinations, c.Destination) })
}

// OnlyKey leaves out all columns but those of the primary key.
func (t Table) OnlyKey() Table {
	return t.keep(func(c Column) bool { return t.isKey(c.Name) })
}

// keep returns a table of its own with some of the columns.
func (t Table) keep(wanted func(Column) bool) Table {
	out := t
	out.Columns, out.PrimaryKey = nil, slices.Clone(t.PrimaryKey)
	for i, c := range t.Columns {
		if !wanted(c) {
			continue
		}
		if key := slices.Index(t.PrimaryKey, i); key >= 0 {
			out.PrimaryKey[key] = len(out.Columns)
		}
		out.Columns = append(out.Columns, c)
	}
	return out
}

// Unknown returns [chferry.CodeConfiguration] for each column that the import's settings name and
// the table does not have, joined: the column was mistyped, or dropped.
func (t Table) Unknown(imp chferry.Import) error {
	var problems []error
	for _, setting := range []struct {
		name    string
		columns []string
	}{
		{"include", imp.Include},
		{"exclude", imp.Exclude},
		{"rename", slices.Sorted(maps.Keys(imp.Rename))},
		{"cast", slices.Sorted(maps.Keys(imp.Cast))},
	} {
		for _, name := range setting.columns {
			if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name }) {
				problems = append(problems,
					chferry.Errorf(chferry.CodeConfiguration, "%s has no column %q, which columns.%s names: "+
						"name it as it is called now, or take it out if it is gone", t.Name, name, setting.name))
			}
		}
	}
	return errors.Join(problems...)
}
