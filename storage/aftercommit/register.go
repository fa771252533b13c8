package aftercommit

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// DefaultTimeout is how long a request may be kept waiting after its commit by a storage that does not answer.
const DefaultTimeout = 10 * time.Second

// The wait before registering is tried again doubles from the first to the longest.
const (
	firstWait   = 50 * time.Millisecond
	longestWait = time.Second
)

// Register registers the changes, which [Changes.Commit] does by itself: it is for what a
// [NotRegisteredError] brought, and for transactions of other libraries, after their commit.
// Whatever comes of it, the changes are taken.
//
// The end of ctx does not stop it, its [Changes.Timeout] does. Errors: a [NotRegisteredError] with
// what is left; CodeInvalid of a change that can't be registered, when all others were.
func (c *Changes) Register(ctx context.Context, registrar storage.Registrar) error {
	changes := c.take()
	remaining, cause := changes.register(ctx, registrar)
	if remaining.Len() == 0 {
		return changes.invalid
	}
	lost := &NotRegisteredError{Changes: remaining, Err: cause}
	if changes.invalid == nil {
		return lost
	}
	return errors.Join(lost, changes.invalid)
}

// register returns what is left, and why. An import key whose queue is full stops no other.
func (c *Changes) register(ctx context.Context, registrar storage.Registrar) (remaining *Changes, cause error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	remaining = &Changes{Timeout: c.Timeout}
	for key, ops := range c.All() {
		if remaining.find(key) < 0 { // or the operations of a key would change places
			err := registerOne(ctx, registrar, key, ops)
			if err == nil {
				continue
			}
			if cause == nil {
				cause = err
			}
		}
		remaining.keep(key, ops...)
	}
	return remaining, cause
}

// registerOne makes one call until it succeeds, can't succeed, or ctx ends. What was registered
// although the answer was lost is registered twice, which does no harm.
func registerOne(ctx context.Context, registrar storage.Registrar, key chferry.ImportKey,
	ops []chferry.Operation,
) error {
	var cause error
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		_, err := registrar.RegisterOperations(ctx, key, ops...)
		if err == nil {
			return nil
		}
		if cause == nil || ctx.Err() == nil { // a call that ran out of time does not know why
			cause = err
		}
		if !chferry.CodeOf(err).Passes() || !sleep(ctx, wait/2+rand.N(wait/2)) {
			return cause
		}
	}
}

// sleep returns false, at once, if ctx would end meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	time.Sleep(d)
	return true
}
