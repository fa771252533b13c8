package sink

import "fmt"

// DimensionsError is the cause of a [chferry.CodeSchemaMismatch] for an array whose column in the
// table has another number of dimensions than [rowset.Type.Dimensions] says. Who does not know the
// number better may take the table's.
type DimensionsError struct {
	Column     string // in the table
	Dimensions int    // of the table's column; from 1
}

func (e *DimensionsError) Error() string {
	return fmt.Sprintf("the arrays of column %q have %d dimensions", e.Column, e.Dimensions)
}
