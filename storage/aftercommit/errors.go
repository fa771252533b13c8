package aftercommit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
)

// NotRegisteredError is the error of a transaction whose changes have to be registered later,
// because the storage failed after the commit, or because the answer to the commit was lost. Until
// they are registered, its rows may not be synced. So keep Changes and register them:
//
//	var lost *aftercommit.NotRegisteredError
//	if errors.As(err, &lost) {
//		err = lost.Changes.Register(ctx, store) // later, or as often as need be
//	}
//
// If Commit is nil, the transaction is committed: doing the transaction again would do it twice.
//
// If Commit is not nil, nobody knows. The commit may be undone, done, or still waiting in the
// database, for a synchronous standby for example. Changes are registered already as far as the
// storage took them, but a sync may have read the rows before the commit changed them. So register
// Changes once the commit has ended: the function pg_xact_status of PostgreSQL tells its outcome,
// and a COMMIT that still waits is in pg_stat_activity. To register them more than once, read them
// with [Changes.All].
type NotRegisteredError struct {
	// Changes are the operations to register: those that are not registered or, if Commit is not nil, all.
	Changes *Changes
	// Err is why the first of the operations that are not registered is not; nil if all are, which
	// only Commit explains.
	Err error
	// Commit is nil unless the answer to the commit was lost; then Commit is the commit's error.
	Commit error

	missing int // how many operations of Changes are not registered
}

// Error says how many operations of which import keys have to be registered, and why. It holds no primary keys.
func (e *NotRegisteredError) Error() string {
	keys := make([]string, len(e.Changes.queues))
	for i, q := range e.Changes.queues {
		keys[i] = string(q.key)
	}
	names := strings.Join(keys, ", ")
	switch {
	case e.Commit == nil:
		return fmt.Sprintf("the transaction is committed, but %d operations of import keys %s were not registered: "+
			"%s: register them again",
			e.Changes.Len(), names, safe(e.Err))
	case e.Err != nil:
		return fmt.Sprintf("nobody knows whether the transaction is committed, and %d operations of import keys %s "+
			"were not registered: %s: register them again, once the commit has ended", e.missing, names, safe(e.Err))
	default:
		return fmt.Sprintf("commit: %s: nobody knows whether the transaction is committed: its %d operations of "+
			"import keys %s are registered, but may be synced before the commit takes effect: register them again "+
			"once it has ended", e.Commit,
			e.Changes.Len(), names)
	}
}

// safe is the text of an error that may be shown: nobody knows what others than chferry's hold.
func safe(err error) string {
	var known *chferry.Error
	if errors.As(err, &known) {
		return known.Error()
	}
	return "the storage failed"
}

// Unwrap returns why the changes were not registered and the error of the commit, as far as there are such errors.
func (e *NotRegisteredError) Unwrap() []error {
	return slices.DeleteFunc([]error{e.Err, e.Commit}, func(err error) bool { return err == nil })
}
