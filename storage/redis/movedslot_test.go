package redis_test

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

// testMovedSlot moves an import key to another node in the middle of a batch, key by key, while an
// application registers.
func testMovedSlot(t *testing.T, url string) {
	s := steps{openURL(t, url, redis.Options{Prefix: "moved"}), t}
	move := newSlotMove(t, url, "moved:{users}:queue")
	s.register("a", "b", "c")
	s.start("a")
	batch := s.get("a", 2)
	s.ok(s.SetAside(t.Context(), key, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1},
		[]chferry.FailedOperation{{Operation: update("a")[0], Reason: "bad"}}))

	want := []string{"c"}
	stop, halfway := make(chan struct{}), make(chan struct{})
	var registering sync.WaitGroup
	registering.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			ids := []string{strconv.Itoa(i), strconv.Itoa(i) + "x", strconv.Itoa(i) + "y"}[:1+2*(i%2)]
			if _, err := s.RegisterOperations(t.Context(), key, update(ids...)...); err == nil {
				want = append(want, ids...)
			} else if chferry.CodeOf(err) != chferry.CodeUnavailable {
				t.Errorf("register while the slot moves: %v (%s)", err, chferry.CodeOf(err))
			}
			if i == 20 {
				close(halfway)
			}
		}
	})
	<-halfway
	move.run()
	if got := s.read("a", batch); got != "a b" {
		t.Errorf("after the move the batch holds %q, want a b", got)
	}
	if again := s.get("a", 100); again != batch {
		t.Errorf("after the move the batch is %+v, was %+v", again, batch)
	}
	s.ok(s.post("a", batch))
	close(stop)
	registering.Wait()
	s.wantDrained(strings.Join(want, " "))
	if n, err := s.DiscardFailed(t.Context(), key); err != nil || n != 1 {
		t.Errorf("%d operations had failed, %v; want 1", n, err)
	}
	if n := move.from.Exists(t.Context(), "moved:{users}:state").Err(); n == nil ||
		!strings.HasPrefix(n.Error(), "MOVED") {
		t.Errorf("the slot has not moved: %v", n)
	}
}

// slotMove is a slot with the node that has it and the one that is to have it.
type slotMove struct {
	t        *testing.T
	slot     int64
	nodes    []*goredis.Client
	from, to *goredis.Client
}

func newSlotMove(t *testing.T, url, redisKey string) *slotMove {
	t.Helper()
	m := &slotMove{t: t}
	for _, addr := range strings.Split(strings.TrimPrefix(url, "redis://"), ",") {
		node := goredis.NewClient(&goredis.Options{Addr: addr})
		t.Cleanup(func() { _ = node.Close() })
		m.nodes = append(m.nodes, node)
	}
	m.slot = m.nodes[0].ClusterKeySlot(t.Context(), redisKey).Val()
	for i, node := range m.nodes {
		if err := node.Exists(t.Context(), redisKey).Err(); err == nil { // no MOVED
			m.from, m.to = node, m.nodes[(i+1)%len(m.nodes)]
		}
	}
	return m
}

// run does what redis-cli does to move a slot.
func (m *slotMove) run() {
	m.t.Helper()
	ctx := m.t.Context()
	do := func(node *goredis.Client, args ...any) {
		m.t.Helper()
		if err := node.Do(ctx, args...).Err(); err != nil {
			m.t.Fatalf("%v: %v", args, err)
		}
	}
	from, to := m.from.Do(ctx, "CLUSTER", "MYID").Val(), m.to.Do(ctx, "CLUSTER", "MYID").Val()
	do(m.to, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", from)
	do(m.from, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", to)
	host, port, err := net.SplitHostPort(m.to.Options().Addr)
	if err != nil {
		m.t.Fatal(err)
	}
	for {
		keys, err := m.from.ClusterGetKeysInSlot(ctx, int(m.slot), 1).Result()
		if err != nil {
			m.t.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		do(m.from, "MIGRATE", host, port, keys[0], 0, 5000)
	}
	do(m.to, "CLUSTER", "SETSLOT", m.slot, "NODE", to)
	for _, node := range m.nodes {
		do(node, "CLUSTER", "SETSLOT", m.slot, "NODE", to)
	}
}
