package storagetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// step is one call of a sync to its storage.
type step struct {
	name string
	do   func(r *run, ctx context.Context) error
}

// steps are those of a sync. One that is done again is one whose answer was lost, or whose activity was retried.
var steps = []step{
	{"pre-sync", (*run).preSync},
	{"pre-sync again", (*run).preSync},
	{"get operations", (*run).get},
	{"get operations again", (*run).get},
	{"read a part", (*run).readPart},
	{"read", (*run).readAll},
	{"set aside", (*run).setAside},
	{"set aside again", (*run).setAside},
	{"extend the lease", (*run).extend},
	{"post-sync", (*run).post},
	{"post-sync again", (*run).post},
}

// run is one sync of testConcurrent, as far as it has come.
type run struct {
	*concurrent
	token string
	count int
	dead  bool
	slept bool // another may have taken over
	batch chferry.Batch
	ops   []chferry.Operation
	ended bool
}

var errNothing = errors.New("nothing to sync")

func newRun(c *concurrent) *run {
	id := c.runs.Add(1)
	return &run{concurrent: c, token: fmt.Sprint("run", id), count: 1 + int(id*7%40)}
}

// do does a step, whose context ends at any moment if it is cut off.
func (r *run) do(s step, cutOff bool) error {
	ctx := r.ctx()
	if cutOff {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(1000))*time.Microsecond)
		defer cancel()
	}
	return s.do(r, ctx)
}

// die ends the run for all to know.
func (r *run) die() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = true
	r.concurrent.dead[r.token] = true
}

func (r *run) closed(_ context.Context, token string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.concurrent.dead[token]
}

// sleep lets the run's lease expire and others try to take over.
func (r *run) sleep() {
	r.slept = true
	_ = r.ExtendLease(r.ctx(), r.key, r.token, time.Millisecond) // fails after the last post-sync
	time.Sleep(time.Duration(1+rand.IntN(4)) * time.Millisecond) // others are then anywhere
}

// refused tells whether there was something to sync for a run whose step was refused, as it must have been.
func (r *run) refused(step string, err error) bool {
	switch code := chferry.CodeOf(err); {
	case errors.Is(err, errNothing):
		time.Sleep(time.Millisecond)
		return false
	case code == chferry.CodeClaimed && r.batch.Count == 0:
		time.Sleep(time.Millisecond)
	case code == chferry.CodeSuperseded && r.slept:
	default:
		r.t.Errorf("%s of a sync that slept: %v: %v (%s)", step, r.slept, err, code)
	}
	return true
}

func (r *run) preSync(ctx context.Context) error {
	start, err := r.PreSync(ctx, r.key, storage.PreSyncOptions{Token: r.token, Lease: time.Hour, Closed: r.closed})
	if err == nil && !start.Claimed {
		return errNothing
	}
	return err
}

func (r *run) get(ctx context.Context) (err error) {
	if r.batch, err = r.GetOperations(ctx, r.key, storage.GetOptions{Token: r.token, Count: r.count}); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.batches[r.batch.Version]; ok && known != r.batch {
		return fmt.Errorf("batch %+v has become %+v", known, r.batch)
	}
	r.batches[r.batch.Version] = r.batch
	return nil
}

func (r *run) readPart(ctx context.Context) error {
	for _, err := range r.BatchOperations(ctx, r.key, r.token, r.batch) {
		return err
	}
	return errors.New("an empty batch")
}

func (r *run) readAll(ctx context.Context) error {
	r.ops = nil
	for page, err := range r.BatchOperations(ctx, r.key, r.token, r.batch) {
		if err != nil {
			return err
		}
		r.ops = append(r.ops, page...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	got := words(r.ops)
	if known, ok := r.read[r.batch.Version]; ok && !slices.Equal(got, known) {
		return fmt.Errorf("batch %+v holds %q and then %q", r.batch, known, got)
	}
	r.read[r.batch.Version] = got
	return nil
}

func (r *run) setAside(ctx context.Context) error {
	failed := []chferry.FailedOperation{{Operation: r.ops[0], Reason: "bad"}}
	return r.SetAside(ctx, r.key, storage.Attempt{Token: r.token, BatchID: r.batch.ID, Number: 1}, failed)
}

func (r *run) extend(ctx context.Context) error {
	return r.ExtendLease(ctx, r.key, r.token, time.Hour)
}

func (r *run) post(ctx context.Context) error {
	n := int64(r.batch.Count)
	end, err := r.PostSync(ctx, r.key, storage.PostSyncOptions{
		Token: r.token, BatchID: r.batch.ID, Last: true, Counts: chferry.Counts{Operations: n, Rows: n - 1, Failed: 1},
	})
	if err == nil && r.ended && !end.Repeated {
		return fmt.Errorf("batch %+v was removed twice", r.batch)
	}
	r.ended = r.ended || err == nil
	return err
}
