package rowset

import (
	"strings"
	"unicode/utf8"

	"github.com/chferry/chferry"
)

// Limits tell which texts a column of the primary key is sure to keep as they are. A source rounds or cuts a text that
// goes beyond them, and so makes another key of it: the source has to look at such a text. The zero value has no limit.
type Limits struct {
	// Characters and Bytes are how long a text may be; 0: of any length.
	Characters, Bytes int
	// DroppedDigits is how many of the six digits behind the point of a second a timestamp does not have.
	DroppedDigits int
	// AskAlways tells that only the source knows the limits.
	AskAlways bool
}

// Keep reports whether a column with the limits is sure to keep a text as it is, if the text is a value of its type.
func (l Limits) Keep(text string) bool {
	switch {
	case l == Limits{}:
		return true
	case l.AskAlways, l.Bytes > 0 && len(text) > l.Bytes,
		l.Characters > 0 && len(text) > l.Characters && utf8.RuneCountInString(text) > l.Characters:
		return false
	case l.DroppedDigits > 0:
		_, fraction, _ := strings.Cut(text, ".")
		return len(leadingDigits(fraction)) <= digitsOfMicros-l.DroppedDigits
	default:
		return true
	}
}

// AppendPlainKey is the function [AppendPlainKey] for the keys of a table. It also leaves to the source each key that a
// column may not have room for.
func (t Table) AppendPlainKey(keys []Vector, pk chferry.PrimaryKey) bool {
	for i, c := range t.PrimaryKey {
		if !t.Columns[c].Limits.Keep(pk[i]) {
			return false
		}
	}
	return AppendPlainKey(keys, pk)
}

// CutKey returns the error for a key of table whose value in a column of the key does not fit into the column, so that
// no row can have the key.
func CutKey(table Table, column int) error {
	c := table.Columns[table.PrimaryKey[column]]
	return chferry.Errorf(chferry.CodeInvalid,
		"value %d of the primary key has more digits or characters than column %q (%s) keeps: register the value that "+
			"the database returned", column+1, c.Name, c.SourceType)
}
