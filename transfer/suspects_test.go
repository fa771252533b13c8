package transfer_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

const numbered = "CREATE TABLE items (id bigint PRIMARY KEY, word text NOT NULL);" +
	"INSERT INTO items SELECT n, 'first' FROM generate_series(1, 100) n"

// watchedQueue calls between whenever it is asked how far the queue is.
type watchedQueue struct {
	transfer.Queue
	between func(ctx context.Context)
}

func (q *watchedQueue) Passed(ctx context.Context, key chferry.ImportKey,
	positions ...storage.Position,
) ([]bool, error) {
	q.between(ctx)
	return q.Queue.Passed(ctx, key, positions...)
}

// repairs has a comparison repair what it finds, while syncs run.
func (s *servers) repairs(c *transfer.Compare) {
	c.Repair = true
	c.Queue = &watchedQueue{s.store, func(ctx context.Context) { ok(s.t, s.sync(ctx)) }}
}

// TestCompareWaitsForQueue: what is registered and not synced is no difference, and nothing is
// said of a row until its operation has left the queue.
func TestCompareWaitsForQueue(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.exec("UPDATE items SET word = 'second' WHERE id = 5; DELETE FROM items WHERE id = 6;" +
		"INSERT INTO items VALUES (200, 'new'); UPDATE items SET word = 'unknown' WHERE id = 7")
	s.register("5", "6", "200")
	asked := 0
	c := s.comparing(30)
	c.Queue = &watchedQueue{s.store, func(ctx context.Context) {
		if asked++; asked == 5 {
			ok(t, s.sync(ctx))
		}
	}}
	c.Settle = 40 * time.Millisecond
	got := s.compare(c)
	wantDifferences(t, got, "stale 7")
	if asked < 5 {
		t.Errorf("the queue was asked %d times", asked)
	}
}

// TestCompareLateRegistration: a change may be registered some time after it was committed, so the
// queue is not asked for its position before.
func TestCompareLateRegistration(t *testing.T) {
	t.Parallel()
	const settle = 2 * time.Second
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.exec("UPDATE items SET word = 'second' WHERE id = 5")
	c := s.comparing(30)
	c.Settle = settle
	var read atomic.Int64 // when the last page was about to be read
	c.Pace = func(_ context.Context, wanted int) (int, error) {
		read.Store(time.Now().UnixNano())
		return wanted, nil
	}
	late := false
	c.Queue = &lateQueue{s.store, func(ctx context.Context) {
		if time.Since(time.Unix(0, read.Load())) < settle {
			t.Error("the queue was asked for its position before changes had to be registered")
		}
		if !late {
			s.register("5")
			ok(t, s.sync(ctx))
		}
		late = true
	}}
	wantDifferences(t, s.compare(c))
	if !late {
		t.Error("the queue was not asked for its position")
	}
}

// lateQueue calls before whenever it is asked for its position.
type lateQueue struct {
	transfer.Queue
	before func(ctx context.Context)
}

func (q *lateQueue) Position(ctx context.Context, key chferry.ImportKey) (storage.Position, error) {
	q.before(ctx)
	return q.Queue.Position(ctx, key)
}

// TestCompareMovingRow: a row that changes whenever it is looked at is no difference, but it is not equal either.
func TestCompareMovingRow(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.exec("UPDATE items SET word = 'unknown' WHERE id IN (5, 7)")
	changes := 0
	c := s.comparing(100)
	c.Queue = &watchedQueue{s.store, func(context.Context) {
		changes++
		s.exec(fmt.Sprintf("UPDATE items SET word = 'change %d' WHERE id = 5", changes))
	}}
	got := s.compare(c)
	wantDifferences(t, got, "stale 7")
	if got.Moving != 1 || got.Failed != 1 || got.Rows != 100 || changes < 8 {
		t.Errorf("got %d moving and %d failed rows of %d after %d changes", got.Moving, got.Failed, got.Rows, changes)
	}
}

// TestCompareChangedBack: a row that was changed, synced and changed back while it waited is no difference.
func TestCompareChangedBack(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.exec("UPDATE items SET word = 'second' WHERE id = 5")
	s.register("5")
	step := 0
	c := s.comparing(100)
	c.Queue = &watchedQueue{s.store, func(ctx context.Context) {
		switch step++; step {
		case 1: // what was registered is synced as first, which ClickHouse has
			s.exec("UPDATE items SET word = 'first' WHERE id = 5")
			ok(t, s.sync(ctx))
			s.exec("UPDATE items SET word = 'second' WHERE id = 5")
		case 2:
			s.register("5")
			ok(t, s.sync(ctx))
		}
	}}
	wantDifferences(t, s.compare(c))
	if step < 2 {
		t.Errorf("the queue was asked %d times", step)
	}
}

// TestComparePatience: a queue that does not move ends the comparison, which says what to do.
func TestComparePatience(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.exec("UPDATE items SET word = 'secret' WHERE id = 77")
	s.register("77")
	c := s.comparing(30)
	c.Patience = 50 * time.Millisecond
	w := &compareWork{}
	err := c.Run(t.Context(), source.Range{}, w)
	wantFailure(t, err, chferry.CodeUnavailable, false, "whether the key is paused")
	if len(w.places) != 2 {
		t.Errorf("%d pages were saved, want the two before the suspect", len(w.places))
	}
}

// TestCompareFailed: rows that can't be imported, and rows whose operations were set aside, are
// neither equal nor different.
func TestCompareFailed(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), "CREATE TABLE items (id date PRIMARY KEY, n numeric(5,2));"+
		"INSERT INTO items SELECT date '2024-01-01' + n, n FROM generate_series(1, 50) n")
	s.copyAll()
	s.exec("INSERT INTO items VALUES ('infinity', 1), ('0044-03-15 BC', 1); UPDATE items SET n = 'NaN' WHERE n = 20;" +
		"UPDATE items SET n = 'NaN' WHERE n = 30")
	s.register("2024-01-31")
	ok(t, s.sync(t.Context()))
	s.exec("UPDATE items SET n = 31 WHERE id = '2024-01-31'")
	got := s.compare(s.comparing(7))
	wantDifferences(t, got)
	if got.Failed != 4 || got.Rows != 49 {
		t.Errorf("got %d failed rows, and %d were compared, want 4 and 49", got.Failed, got.Rows)
	}
}

// TestCompareManySuspects: more suspects than are held at a time, in a range where the source has few rows.
func TestCompareManySuspects(t *testing.T) {
	t.Parallel()
	s := newServers(t, testenv.ModernClickHouse(t), numbered)
	s.copyAll()
	s.put("INSERT INTO items SELECT 1000 + number, 'surplus', 1, 0 FROM numbers(32000)")
	s.exec("INSERT INTO items VALUES (50000, 'last')")
	s.copyAll()
	c := s.comparing(25_000)
	s.repairs(c)
	got := s.compare(c)
	if got.Surplus != 32_000 || got.Registered != 32_000 || len(got.Differences) != storage.MaxDifferences {
		t.Errorf("got %d surplus rows, %d registered and %d kept", got.Surplus, got.Registered, len(got.Differences))
	}
	ok(t, s.sync(t.Context()))
	wantDifferences(t, s.compare(c))
}
