package aftercommit

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chferry/chferry"
)

// NotRegisteredError is the error of a transaction that is committed although its changes, or some of them, could not be
// registered. Its rows are not synced until they are, so keep Changes and register them again:
//
//	var lost *aftercommit.NotRegisteredError
//	if errors.As(err, &lost) {
//		err = lost.Changes.Register(ctx, store) // later, or as often as need be
//	}
//
// Doing the transaction again would do it twice.
type NotRegisteredError struct {
	// Changes are the operations that are not registered.
	Changes *Changes
	// Err is why the first of them were not.
	Err error
	// Commit is nil, and the transaction committed, unless the answer to the commit was lost: then it is the commit's error,
	// and nobody knows.
	Commit error
}

// Error says how many operations of which import keys are not registered, and why. It holds no primary keys.
func (e *NotRegisteredError) Error() string {
	outcome := "the transaction is committed, but"
	if e.Commit != nil {
		outcome = "nobody knows whether the transaction is committed, and"
	}
	keys := make([]string, len(e.Changes.queues))
	for i, q := range e.Changes.queues {
		keys[i] = string(q.key)
	}
	return fmt.Sprintf("%s %d operations of import keys %s were not registered: %s: register them again",
		outcome, e.Changes.Len(), strings.Join(keys, ", "), safe(e.Err))
}

// safe is the text of an error that may be shown: nobody knows what others than chferry's hold.
func safe(err error) string {
	var known *chferry.Error
	if errors.As(err, &known) {
		return known.Error()
	}
	return "the storage failed"
}

// Unwrap returns why the changes were not registered and, if there is one, the error of the commit.
func (e *NotRegisteredError) Unwrap() []error {
	if e.Commit == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Commit}
}
