package storage

import (
	"context"
	"log/slog"
	"time"

	"github.com/chferry/chferry"
)

// Observer is told of every call that was sent to a storage.
type Observer interface {
	// Registered is told how many operations of each kind a call registered, or meant to register
	// if err is not nil, and how many seconds it took.
	Registered(key chferry.ImportKey, counts map[chferry.Kind]int, seconds float64, err error)
}

// RegisterOperationsWrapped returns a registrar that checks key and operations before anything is
// sent to next, tells observer of every call that was sent, and logs it at debug level. Neither
// primary keys nor databases are logged.
func RegisterOperationsWrapped(next Registrar, observer Observer, log *slog.Logger) Registrar {
	return &wrapped{next: next, observer: observer, log: log}
}

type wrapped struct {
	next     Registrar
	observer Observer
	log      *slog.Logger
}

// RegisterOperations implements [Registrar].
func (w *wrapped) RegisterOperations(ctx context.Context, key chferry.ImportKey,
	ops ...chferry.Operation,
) (int, error) {
	if err := key.Validate(); err != nil {
		return 0, err
	}
	if err := chferry.ValidateOperations(ops); err != nil {
		return 0, err
	}
	start := time.Now()
	n, err := w.next.RegisterOperations(ctx, key, ops...)
	took := time.Since(start).Seconds()
	w.observer.Registered(key, countKinds(ops), took, err)
	if err != nil {
		// The caller reports the error; the log only says that it was this call.
		w.log.DebugContext(ctx, "operations not registered", "import_key", key, "operations", len(ops), "seconds", took,
			"code", chferry.CodeOf(err))
		return n, err
	}
	w.log.DebugContext(ctx, "operations registered", "import_key", key, "operations", n, "seconds", took)
	return n, nil
}

func countKinds(ops []chferry.Operation) map[chferry.Kind]int {
	counts := make(map[chferry.Kind]int, 1)
	for _, op := range ops {
		counts[op.Kind]++
	}
	return counts
}
