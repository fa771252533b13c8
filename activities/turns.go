package activities

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/chferry/chferry"
)

// LongestTurn is how long an attempt at InsertBatch waits for its turn. Then the step goes back to the task
// queue, where a worker with room may take it. The wait is no part of the import's insert_timeout.
const LongestTurn = 30 * time.Second

// LimitInserts lets a import at most n batches at a time, because each batch takes memory and connections. As
// many steps may wait for their turn; further ones go back to the task queue. So InsertBatch takes at most 2n
// slots of a worker. As many readers of whole tables may run. By default nothing limits a.
func LimitInserts(a *Activities, n int) {
	a.turns.mu.Lock()
	defer a.turns.mu.Unlock()
	a.turns.most = n
	a.turns.call()
}

// turns are what LimitInserts has set, and the steps that import and wait.
type turns struct {
	mu      sync.Mutex
	most    int // 0: no limit
	taken   int
	waiting []*turn // the step that was scheduled first is called first
}

// turn is one step that imports or waits.
type turn struct {
	scheduled time.Time
	called    chan bool // true: the turn has come; false: steps that were scheduled earlier need the place
}

// forTurn is what a step says that waits.
const forTurn = "for a turn: the worker imports as many batches as it may"

// Why a step goes back to the task queue.
var (
	errNoRoom      = errors.New("as many steps wait as may")
	errLongestTurn = errors.New("the step waited for as long as it may")
)

// queue adds a step behind all that were scheduled before it. Beyond the room for waiting steps, the last step
// has to go.
func (t *turns) queue(scheduled time.Time) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	added := &turn{scheduled: scheduled, called: make(chan bool, 1)}
	behind := slices.IndexFunc(t.waiting, func(other *turn) bool { return other.scheduled.After(scheduled) })
	if behind < 0 {
		behind = len(t.waiting)
	}
	t.waiting = slices.Insert(t.waiting, behind, added)
	t.call()
	if last := len(t.waiting) - 1; last >= t.most && last >= 0 {
		t.waiting[last].called <- false
		t.waiting = slices.Delete(t.waiting, last, last+1)
	}
	return added
}

// call calls the first steps while there is room for them.
func (t *turns) call() {
	for len(t.waiting) > 0 && (t.most == 0 || t.taken < t.most) {
		t.taken++
		t.waiting[0].called <- true
		t.waiting = slices.Delete(t.waiting, 0, 1)
	}
}

// limit returns how many steps may import at a time; 0: no limit.
func (t *turns) limit() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.most
}

// end gives a turn to the next step.
func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken--
	t.call()
}

// wait returns nil when the turn has come; the caller ends it. An error says why the step waits no longer.
func (t *turns) wait(ctx context.Context, queued *turn, longest time.Duration) (err error) {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	select {
	case come := <-queued.called:
		if !come {
			return errNoRoom
		}
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timer.C:
		err = errLongestTurn
	}
	t.withdraw(queued)
	return err
}

// withdraw takes out a step that waits no longer, which may just have been called.
func (t *turns) withdraw(queued *turn) {
	t.mu.Lock()
	waiting := slices.Index(t.waiting, queued)
	if waiting >= 0 {
		t.waiting = slices.Delete(t.waiting, waiting, waiting+1)
	}
	t.mu.Unlock()
	if waiting < 0 && <-queued.called {
		t.end()
	}
}

// turn waits until a step may import its batch, while heartbeats tell that it waits and the claim is kept. It
// returns the attempt with the time that it waited; the caller ends the turn with end.
func (a *Activities) turn(ctx context.Context, current attempt) (_ attempt, end func(), err error) {
	queued := a.turns.queue(activity.GetInfo(ctx).ScheduledTime)
	select {
	case come := <-queued.called:
		if come {
			return current, a.turns.end, nil
		}
		return current, nil, a.noTurn(ctx, current, errNoRoom)
	default:
	}
	began := time.Now()
	// An import key that this worker does not know waits with the default limits: the step itself then refuses the key.
	alive, stop := a.keepAlive(ctx, current.key, a.limitsOf(current.key), current.token, func() Heartbeat {
		return Heartbeat{Waiting: forTurn, FailingSince: current.firstFailure(ctx, time.Since(began))}
	})
	err = a.turns.wait(alive, queued, LongestTurn)
	stop()
	current.waited = time.Since(began)
	switch {
	case err == nil:
		return current, a.turns.end, nil
	case errors.Is(err, errNoRoom), errors.Is(err, errLongestTurn):
		return current, nil, a.noTurn(ctx, current, err)
	default:
		return current, nil, a.conclude(ctx, current, err)
	}
}

// noTurn returns the error that lets Temporal hand out the step again, to any worker that has room. Nothing has failed.
func (a *Activities) noTurn(ctx context.Context, current attempt, why error) error {
	lease := a.limitsOf(current.key).Lease
	if err := a.extend(ctx, current.key, current.token, lease); err != nil {
		return a.conclude(ctx, current, err)
	}
	pause := handOver
	if errors.Is(why, errNoRoom) { // to ask again at once would keep Temporal busy
		since := time.Since(activity.GetInfo(ctx).ScheduledTime)
		pause = min(max(since/2, time.Second), longestPause, lease/extensionsPerLease)
	}
	activity.RecordHeartbeat(ctx,
		Heartbeat{Waiting: forTurn, FailingSince: current.firstFailure(ctx, current.waited+pause)})
	a.Log.Debug("step has no turn yet", "import_key", current.key, "step", current.step, "reason", why.Error())
	options := temporal.ApplicationErrorOptions{
		Category:       temporal.ApplicationErrorCategoryBenign,
		NextRetryDelay: pause,
	}
	text := "the step goes back to the task queue and waits " + forTurn
	return temporal.NewApplicationErrorWithOptions(text, string(chferry.CodeUnavailable), options)
}
