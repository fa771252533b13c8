package source

import (
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// KeyColumn is a column in the form in which a driver knows it.
type KeyColumn interface {
	// InKey returns the column's name and its place in the table's own primary key, from 1; 0 if it is not part of it.
	InKey() (name string, place int)
}

// Key returns the indexes of the primary key's columns, in the key's order: of those named, or of
// the table's own if there are no names. It returns [chferry.CodeConfiguration] for a name that no
// column has, and for one that comes twice.
func Key[C KeyColumn](table string, columns []C, names []string) ([]int, error) {
	if len(names) == 0 {
		return OwnKey(columns), nil
	}
	var key []int
	for _, wanted := range names {
		i := slices.IndexFunc(columns, func(c C) bool { name, _ := c.InKey(); return name == wanted })
		if i < 0 {
			return nil, chferry.Errorf(chferry.CodeConfiguration, "table %s has no column %q, which primary_key names",
				table, wanted)
		}
		if slices.Contains(key, i) {
			return nil, chferry.Errorf(chferry.CodeConfiguration, "primary_key of table %s names column %q twice",
				table, wanted)
		}
		key = append(key, i)
	}
	return key, nil
}

// OwnKey returns the indexes of the columns of the table's own primary key, in the key's order;
// none if the table has no key.
func OwnKey[C KeyColumn](columns []C) []int {
	var key []int
	for wanted := 1; ; wanted++ {
		i := slices.IndexFunc(columns, func(c C) bool { _, place := c.InKey(); return place == wanted })
		if i < 0 {
			return key
		}
		key = append(key, i)
	}
}

// NewKeyBlock returns a block without rows that has the first columns of a table's primary key.
func NewKeyBlock(table rowset.Table, columns int) rowset.Block {
	of := make([]rowset.Column, columns)
	for i, c := range table.PrimaryKey[:columns] {
		of[i] = table.Columns[c]
	}
	return rowset.NewBlock(of)
}

// UnreadablePlace is the error of [Ranger.KeyOf] for a place that has no key of the table's types.
func UnreadablePlace(table rowset.Table) error {
	return chferry.Errorf(chferry.CodeUnreadable,
		"table %s has a row with a primary key that is none of the types of its columns: mend it, or delete it",
		table.Name)
}
