package chferry

import (
	"slices"
	"time"
)

// Kind says what the application did to a row.
type Kind string

// The kinds of operations.
const (
	Insert Kind = "insert"
	Update Kind = "update"
	Delete Kind = "delete"
)

// Limits of what one call may register.
const (
	MaxOperations      = 10_000   // operations a call
	MaxPrimaryKeyParts = 32       // columns of a primary key
	MaxPrimaryKeyBytes = 64 << 10 // bytes of one primary key, all its parts together
	MaxDatabaseBytes   = 128      // bytes of a database alias
)

// DefaultDatabase is the alias of the source database when none is given.
const DefaultDatabase = "default"

// PrimaryKey selects one row: a value for each column of the table's primary key, in the key's order, as text in the
// source's own notation. It is not interpreted before the row is read.
type PrimaryKey []string

// Operation says that a row was inserted, updated or deleted in a database.
type Operation struct {
	Kind Kind
	// Database is the alias of the source database; empty stands for the import's only database, or [DefaultDatabase].
	Database   string
	PrimaryKey PrimaryKey
}

// Validate returns an error with [CodeInvalid] unless o can be registered.
func (o Operation) Validate() error {
	switch {
	case o.Kind == "":
		return Errorf(CodeInvalid, "the operation is missing: say insert, update or delete")
	case !slices.Contains([]Kind{Insert, Update, Delete}, o.Kind):
		return Errorf(CodeInvalid, "operation must be insert, update or delete, not %.32q", string(o.Kind))
	}
	if len(o.Database) > MaxDatabaseBytes {
		return Errorf(CodeInvalid, "a database alias has at most %d bytes, this one has %d",
			MaxDatabaseBytes, len(o.Database))
	}
	return o.PrimaryKey.Validate()
}

// Validate returns an error with [CodeInvalid] if k has no value, too many values or too many
// bytes. A value may be the empty text.
func (k PrimaryKey) Validate() error {
	if len(k) == 0 {
		return Errorf(CodeInvalid, "a primary key must have at least one value")
	}
	if len(k) > MaxPrimaryKeyParts {
		return Errorf(CodeInvalid, "a primary key has at most %d values, this one has %d", MaxPrimaryKeyParts, len(k))
	}
	size := 0
	for _, part := range k {
		size += len(part)
	}
	if size > MaxPrimaryKeyBytes {
		return Errorf(CodeInvalid, "a primary key has at most %d bytes, this one has %d", MaxPrimaryKeyBytes, size)
	}
	return nil
}

// ValidateOperations checks what one call registers: [CodeTooLarge] beyond [MaxOperations], [CodeInvalid] for the first
// operation that is malformed, named by its position.
func ValidateOperations(ops []Operation) error {
	if len(ops) > MaxOperations {
		return Errorf(CodeTooLarge, "a call registers at most %d operations, this one has %d: split it",
			MaxOperations, len(ops))
	}
	for i, op := range ops {
		if err := op.Validate(); err != nil {
			return WrapError(CodeOf(err), err, "operation %d: %s", i+1, err)
		}
	}
	return nil
}

// FailedOperation is an operation that was set aside because its row can't be imported.
type FailedOperation struct {
	Operation
	// Reason names table, column and kind of value; it never holds the value.
	Reason   string
	Attempts int
	First    time.Time
	Last     time.Time
}
