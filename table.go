package chferry

import "slices"

// TypeKind is what a column holds, independent of any database's own names.
type TypeKind uint8

// The kinds of types. Which vector holds their values is said at [Vector].
const (
	Bool TypeKind = iota + 1
	Int16
	Int32
	Int64
	Uint8
	Uint64
	Float32
	Float64
	Decimal // Precision digits in all, Scale of them behind the point
	String
	Bytes
	UUID
	Date      // days since 1970-01-01
	Timestamp // microseconds since 1970-01-01 00:00 UTC
)

// Type is the type of a column.
type Type struct {
	Kind             TypeKind
	Precision, Scale int // of a Decimal
	Nullable         bool
}

// Column is one column on its way from a source table to a destination table.
type Column struct {
	Name        string // in the source; empty for a column that an engine adds
	Destination string // in the destination
	Type        Type
	SourceType  string // the source's own name for the type, for messages and casts
}

// Table is a source table as a sync uses it.
type Table struct {
	Database   string // the alias
	Name       string // as configured, such as public.users
	Identity   string // changes when the alias or the name leads to another table than before
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

// KeyDestinations returns the names that the primary key's columns have in the destination, in the key's order.
func (t Table) KeyDestinations() []string {
	names := make([]string, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		names[i] = t.Columns[c].Destination
	}
	return names
}

// Project leaves out the columns in exclude and gives those in rename their name in the destination; both speak of the
// source's names. It returns [CodeConfiguration] for a name that the table does not have, for an excluded column of
// the primary key and for two columns of one name.
func (t Table) Project(exclude []string, rename map[string]string) (Table, error) {
	if err := t.knows(exclude, rename); err != nil {
		return Table{}, err
	}
	out := t
	out.Columns, out.PrimaryKey = nil, slices.Clone(t.PrimaryKey)
	taken := map[string]bool{}
	for i, c := range t.Columns {
		key := slices.Index(t.PrimaryKey, i)
		if slices.Contains(exclude, c.Name) {
			if key >= 0 {
				return Table{}, Errorf(CodeConfiguration, "%s: columns.exclude names %q, which is part of the primary key", t.Name, c.Name)
			}
			continue
		}
		if as, ok := rename[c.Name]; ok {
			c.Destination = as
		}
		if taken[c.Destination] {
			return Table{}, Errorf(CodeConfiguration, "%s: two columns would be named %q in the destination: mend columns.rename", t.Name, c.Destination)
		}
		taken[c.Destination] = true
		if key >= 0 {
			out.PrimaryKey[key] = len(out.Columns)
		}
		out.Columns = append(out.Columns, c)
	}
	return out, nil
}

func (t Table) knows(exclude []string, rename map[string]string) error {
	has := func(name string) bool {
		return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == name })
	}
	for _, name := range exclude {
		if !has(name) {
			return Errorf(CodeConfiguration, "%s has no column %q, which columns.exclude names", t.Name, name)
		}
	}
	for name := range rename {
		if !has(name) {
			return Errorf(CodeConfiguration, "%s has no column %q, which columns.rename names", t.Name, name)
		}
	}
	return nil
}

// Destination is a table in ClickHouse as an import needs it.
type Destination struct {
	Table   string // may be qualified by a database, such as shop.users
	Engine  string // as configured, such as replacing_merge_tree
	OrderBy []string
	// Columns are all columns that are inserted: the source's, the database column and those that the engine adds.
	Columns []Column
	// Key names the columns that tell rows apart: the primary key's and the database column.
	Key []string
}

var typeKindNames = map[TypeKind]string{
	Bool: "bool", Int16: "int16", Int32: "int32", Int64: "int64", Uint8: "uint8", Uint64: "uint64",
	Float32: "float32", Float64: "float64", Decimal: "decimal", String: "string", Bytes: "bytes", UUID: "uuid",
	Date: "date", Timestamp: "timestamp",
}

// String returns the kind's name.
func (k TypeKind) String() string { return typeKindNames[k] }
