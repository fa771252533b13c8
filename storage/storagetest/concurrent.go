package storagetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
)

const (
	writers      = 16
	callsAtLeast = 25 // of each writer
	syncers      = 4
	times        = 2 // that each fate is met
)

// testConcurrent registers from many goroutines while several syncs run, each of whose steps is in
// turn the last one, or the last one before another sync takes over. Each registration is in
// exactly one batch, whoever reads it, and what one goroutine registered is in its order.
func testConcurrent(t *testing.T, b *bundle) {
	c := newConcurrent(b)
	var registering, syncing sync.WaitGroup
	want := make([][]string, writers)
	for w := range writers {
		registering.Go(func() { want[w] = c.write(w) })
	}
	done := make(chan struct{})
	for range syncers {
		syncing.Go(func() {
			for more := true; more; {
				select {
				case <-done:
					more = false
				default:
					c.sync()
				}
			}
		})
	}
	registering.Wait()
	close(done)
	syncing.Wait()
	for c.sync() && !t.Failed() { // what is left
	}
	if !t.Failed() {
		c.wantImported(want)
	}
}

// concurrent is what the goroutines of the test share.
type concurrent struct {
	*bundle
	runs   atomic.Int64
	fates  chan fate
	undone atomic.Int64 // fates that no sync has met yet

	mu      sync.Mutex
	dead    map[string]bool // tokens
	batches map[uint64]chferry.Batch
	read    map[uint64][]string // what the batches hold, by version
}

// fate is the step at which something happens to a sync, and what.
type fate struct {
	step int
	what what
}

type what int

const (
	nothing what = iota
	dies         // after the step; its end is known
	cutOff       // the same within the step: nobody knows whether it was done
	sleeps       // after the step, and resumes when its lease has expired
)

func newConcurrent(b *bundle) *concurrent {
	c := &concurrent{
		bundle: b, fates: make(chan fate, times*3*len(steps)),
		dead: map[string]bool{}, batches: map[uint64]chferry.Batch{}, read: map[uint64][]string{},
	}
	for _, i := range rand.Perm(cap(c.fates)) {
		c.fates <- fate{i / 3 % len(steps), dies + what(i%3)}
		c.undone.Add(1)
	}
	return c
}

// write registers singly and together, until every fate has been met, and returns what it registered.
func (c *concurrent) write(w int) (registered []string) {
	for call := 0; (call < callsAtLeast || c.undone.Load() > 0) && !c.t.Failed(); call++ {
		var ops []chferry.Operation
		for i := range 1 + call%3 {
			ops = append(ops, op(chferry.Insert, fmt.Sprintf("%d-%d-%d", w, call, i)))
			registered = append(registered, ops[i].PrimaryKey[0])
		}
		if n, err := c.RegisterOperations(c.ctx(), c.key, ops...); err != nil || n != len(ops) {
			c.t.Errorf("registered %d of %d: %v", n, len(ops), err)
		}
		if call >= callsAtLeast {
			time.Sleep(10 * time.Millisecond) // just enough for syncs to have something to do
		}
	}
	return registered
}

// sync imports a batch, or meets its fate before. It tells whether there was something to sync.
func (c *concurrent) sync() bool {
	f := c.nextFate()
	r := newRun(c)
	for i, step := range steps {
		meets := f.what != nothing && f.step == i
		err := r.do(step, meets && f.what == cutOff)
		switch {
		case meets && f.what == cutOff:
			r.die()
		case err != nil:
			c.giveBack(f)
			return r.refused(step.name, err)
		case meets && f.what == dies:
			r.die()
		case meets:
			r.sleep()
		}
		if meets {
			c.undone.Add(-1)
			f.what = nothing
		}
		if r.dead {
			break
		}
	}
	return true
}

func (c *concurrent) nextFate() fate {
	select {
	case f := <-c.fates:
		return f
	default:
		return fate{}
	}
}

// giveBack leaves the fate of a sync that did not come to it to another one.
func (c *concurrent) giveBack(f fate) {
	if f.what != nothing {
		c.fates <- f
	}
}

// wantImported compares all batches with what each goroutine registered.
func (c *concurrent) wantImported(want [][]string) {
	got, total := make([][]string, writers), 0
	var aside []string
	for _, version := range slices.Sorted(maps.Keys(c.read)) {
		for _, pk := range c.read[version] {
			var w int
			if _, err := fmt.Sscanf(pk, "%d-", &w); err != nil {
				c.t.Fatalf("batch %d holds %q", version, pk)
			}
			got[w] = append(got[w], pk)
			total++
		}
		aside = append(aside, "insert "+c.read[version][0]+" bad 1")
	}
	for w := range want {
		if !slices.Equal(got[w], want[w]) {
			c.t.Errorf("goroutine %d: imported %q\nof registered %q", w, got[w], want[w])
		}
	}
	c.wantKept(0)
	c.wantFailed(slices.Sorted(slices.Values(aside))...)
	status, err := c.Status(c.ctx(), c.key)
	c.ok(err)
	outcome := chferry.Counts{Operations: int64(total), Rows: int64(total - len(aside)), Failed: int64(len(aside))}
	if got := status[0].Totals; got != outcome {
		c.t.Errorf("totals are %+v, want %+v: each batch counts once", got, outcome)
	}
	c.t.Logf("%d operations in %d batches, %d syncs", total, len(c.read), c.runs.Load())
}

// words are primary keys of operations with one value each.
func words(ops []chferry.Operation) []string {
	words := make([]string, len(ops))
	for i, op := range ops {
		words[i] = strings.Join(op.PrimaryKey, "|")
	}
	return words
}
