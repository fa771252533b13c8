package nudge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// scheduler is asked for a sync of an import key, and itself knows whether its schedule is paused. Errors have
// [chferry.CodeUnavailable] if it does not answer, for any key.
type scheduler interface {
	Nudge(ctx context.Context, key chferry.ImportKey) error
}

// Nudger nudges the import keys that operations are registered of. It is safe for concurrent use.
type Nudger struct {
	scheduler scheduler
	log       *slog.Logger
	imports   chferry.Imports

	wake    chan struct{}      // has an element if a key was added to the set, or a nudge has landed
	closing chan struct{}      // closed by Close
	ended   chan struct{}      // closed when nothing runs any more
	cancel  context.CancelFunc // cuts off the nudges that are under way
	closed  sync.Once

	mu     sync.Mutex
	keys   map[chferry.ImportKey]*state // of all keys that were nudged; none leaves
	down   trouble                      // with the scheduler as a whole
	flying int                          // how many nudges are under way
}

// Start returns a nudger for those of imports that have SyncOnRegister when operations of them are
// registered; other import keys are none of its business. Close ends it, the end of ctx does not.
func Start(ctx context.Context, to scheduler, imports chferry.Imports, log *slog.Logger) *Nudger {
	n := &Nudger{
		scheduler: to, log: log, imports: imports, keys: map[chferry.ImportKey]*state{},
		wake: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	ctx, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go n.run(ctx)
	return n
}

// Registrar returns a registrar that registers with next and then sees to a nudge, for which it never waits.
func (n *Nudger) Registrar(next storage.Registrar) storage.Registrar { return &registrar{next, n} }

type registrar struct {
	next   storage.Registrar
	nudger *Nudger
}

// RegisterOperations implements storage.Registrar.
func (r *registrar) RegisterOperations(ctx context.Context, key chferry.ImportKey,
	ops ...chferry.Operation,
) (int, error) {
	registered, err := r.next.RegisterOperations(ctx, key, ops...)
	if registered > 0 {
		r.nudger.want(key)
	}
	return registered, err
}

func (n *Nudger) want(key chferry.ImportKey) {
	imp, ok := n.imports.Import(key)
	if !ok || !imp.SyncOnRegister {
		return
	}
	n.mu.Lock()
	s, ok := n.keys[key]
	if !ok {
		s = &state{}
		n.keys[key] = s
	}
	s.interval, s.settle = imp.NudgeInterval, imp.Settle
	added := s.want(time.Now())
	n.mu.Unlock()
	if added { // else whoever added it has said so
		n.look()
	}
}

// look lets the loop look at all keys.
func (n *Nudger) look() {
	select {
	case n.wake <- struct{}{}:
	default: // it is about to
	}
}

// Close sends the nudges that are waiting, once, and returns when that is done. The end of ctx cuts it short.
func (n *Nudger) Close(ctx context.Context) {
	n.closed.Do(func() { close(n.closing) })
	stop := context.AfterFunc(ctx, n.cancel)
	defer stop()
	<-n.ended
	n.cancel()
}
