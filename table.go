package chferry

import (
	"errors"
	"maps"
	"regexp"
	"slices"
)

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
	Enum      // a text, one of few
	Array     // of Dimensions dimensions, of values of the kind Element
)

// Type is the type of a column.
type Type struct {
	Kind             TypeKind
	Precision, Scale int // of a Decimal, or of an Array of them
	// Nullable tells that values may be null; of an Array, that those in it may be. An array itself never is.
	Nullable   bool
	Element    TypeKind // of an Array; neither Array nor Enum
	Dimensions int      // of an Array; from 1
}

// ElementType returns the type of what an Array holds: an Array with one dimension less, or its Element.
func (t Type) ElementType() Type {
	if t.Dimensions > 1 {
		t.Dimensions--
		return t
	}
	return Type{Kind: t.Element, Precision: t.Precision, Scale: t.Scale, Nullable: t.Nullable}
}

// inDimensionsOf gives an array as many dimensions as a destination's type has, such as Array(Array(Int32)). A source may know too
// little of them: PostgreSQL forgets a declaration in dumps and views, and holds no value to it.
func (t Type) inDimensionsOf(destination string) Type {
	if depth := len(arrayBeginning.FindAllString(destination, -1)); depth > 0 {
		return t.InDimensions(depth)
	}
	return t
}

var arrayBeginning = regexp.MustCompile(`\bArray\s*\(`)

// InDimensions returns the type with another number of dimensions if it is an Array.
func (t Type) InDimensions(n int) Type {
	if t.Kind == Array {
		t.Dimensions = n
	}
	return t
}

// Column is one column on its way from a source table to a destination table.
type Column struct {
	Name        string // in the source; empty for a column that an engine adds
	Destination string // in the destination
	Type        Type
	SourceType  string // the source's own name for the type, for messages and casts
	Cast        string // the destination's own name for the type that it is to have there; empty: as the sink chooses
	// ReadBySource tells, of a column of the primary key that holds texts or bytes, that only the source can read a text as one of
	// its values, such as PostgreSQL's inet. Different texts may be equal there, as in citext.
	ReadBySource bool
	// Folds tells, of a column of the primary key, that the source holds different texts equal, as citext does, and gives the one that it
	// stores.
	Folds bool
}

// Table is a source table as a sync uses it.
type Table struct {
	Database string // the alias
	Name     string // as configured, such as public.users
	Identity string // changes when the alias or the name leads to another table than before
	// Mark is how far the database was when it was asked for the table: a number that grows with its changes and never
	// falls, not even over a failover. A copy of the past has the same identity and a smaller mark. 0: the source can't tell.
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

// KeyReadBySource tells whether a column of the primary key has values that only the source can read: see [Column.ReadBySource].
func (t Table) KeyReadBySource() bool {
	return slices.ContainsFunc(t.PrimaryKey, func(c int) bool { return t.Columns[c].ReadBySource || t.Columns[c].Type.Kind == Enum })
}

// KeyDestinations returns the names that the primary key's columns have in the destination, in the key's order.
func (t Table) KeyDestinations() []string {
	names := make([]string, len(t.PrimaryKey))
	for i, c := range t.PrimaryKey {
		names[i] = t.Columns[c].Destination
	}
	return names
}

// Project leaves out the columns that the import does not want and gives the others the names and types that it wants in
// the destination. A name that the table does not have is passed over, for a column may be dropped while a sync runs: see
// [Table.Unknown]. It returns [CodeConfiguration] for a column of the primary key that is left out and for two columns of
// one name.
func (t Table) Project(imp Import) (Table, error) {
	var left string // a column of the key that is left out
	out := t.keep(func(c Column) bool {
		wanted := imp.wants(c.Name)
		if !wanted && t.isKey(c.Name) {
			left = c.Name
		}
		return wanted
	})
	if left != "" {
		return Table{}, Errorf(CodeConfiguration, "%s: columns leaves out %q, which is part of the primary key", t.Name, left)
	}
	taken := map[string]bool{}
	for i, c := range out.Columns {
		if as, ok := imp.Rename[c.Name]; ok {
			c.Destination = as
		}
		c.Cast = imp.Cast[c.Name]
		c.Type = c.Type.inDimensionsOf(c.Cast)
		if taken[c.Destination] {
			return Table{}, Errorf(CodeConfiguration, "%s: two columns would be named %q in the destination: mend columns.rename", t.Name, c.Destination)
		}
		taken[c.Destination] = true
		out.Columns[i] = c
	}
	return out, nil
}

// wants tells whether a source column is synced.
func (i Import) wants(name string) bool {
	if len(i.Include) > 0 {
		return slices.Contains(i.Include, name)
	}
	return !slices.Contains(i.Exclude, name)
}

func (t Table) isKey(name string) bool {
	return slices.ContainsFunc(t.PrimaryKey, func(c int) bool { return t.Columns[c].Name == name })
}

// Without leaves out columns by their names in the destination. None of them may be of the primary key.
func (t Table) Without(destinations []string) Table {
	return t.keep(func(c Column) bool { return !slices.Contains(destinations, c.Destination) })
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

// Unknown returns [CodeConfiguration] for each column that the import's settings name and the table does not have, joined: the
// column was mistyped, or dropped.
func (t Table) Unknown(imp Import) error {
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
					Errorf(CodeConfiguration, "%s has no column %q, which columns.%s names", t.Name, name, setting.name))
			}
		}
	}
	return errors.Join(problems...)
}

// Destination is a table in ClickHouse as an import needs it.
type Destination struct {
	Table   string // may be qualified by a database, such as shop.users
	Engine  string // as configured, such as replacing_merge_tree
	OrderBy []string
	// Columns are all columns that are inserted: the source's, the database column and those that the engine adds.
	Columns []Column
	// Key names the columns that tell rows apart: the primary key's and the database column.
	Key     []string
	Options TableOptions
}

// TableOptions are what a table is created with beside columns, key and engine. Nothing of it is compared with a table that
// exists. Its expressions become part of statements as they are: see [CheckExpression].
type TableOptions struct {
	PartitionBy string            // of columns of the key alone
	TTL         string            // such as day + INTERVAL 1 YEAR; what deletes is of columns of the key alone
	Settings    map[string]string // by name; numbers, or texts without quotes
	Codecs      map[string]string // by the column's name in the destination, such as ZSTD(3)
	Cluster     string            // on whose servers statements are run; empty: on the one that is connected
	Replicated  *Replication      // nil: the table is not
}

// Replication is where a replicated table's servers meet. Both may be empty: the server's own defaults.
type Replication struct {
	Path    string // in the keeper, such as /clickhouse/tables/{shard}/users
	Replica string // such as {replica}
}

var typeKindNames = map[TypeKind]string{
	Bool: "bool", Int16: "int16", Int32: "int32", Int64: "int64", Uint8: "uint8", Uint64: "uint64",
	Float32: "float32", Float64: "float64", Decimal: "decimal", String: "string", Bytes: "bytes", UUID: "uuid",
	Date: "date", Timestamp: "timestamp", Enum: "enum", Array: "array",
}

// String returns the kind's name.
func (k TypeKind) String() string { return typeKindNames[k] }
