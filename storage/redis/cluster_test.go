package redis_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/storage/storagetest"
)

// TestCluster runs on a Redis Cluster of three nodes.
func TestCluster(t *testing.T) {
	t.Parallel()
	url := testenv.RedisCluster(t)
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		storagetest.Run(t, func(t *testing.T, hook func(chferry.ImportKey, int64, int64)) storage.Storage {
			return openURL(t, url, redis.Options{Prefix: prefix(t), PostBatchRemoved: hook})
		})
	})
	t.Run("slots", func(t *testing.T) {
		t.Parallel()
		testSlots(t, url)
	})
	t.Run("a slot moves", func(t *testing.T) {
		t.Parallel()
		testMovedSlot(t, url)
	})
	t.Run("one node named", func(t *testing.T) {
		t.Parallel()
		testOneNode(t, url)
	})
}

// testOneNode: whoever names one node of a cluster alone is told so by the first import key that lives elsewhere.
func testOneNode(t *testing.T, url string) {
	first, _, _ := strings.Cut(url, ",")
	s := openURL(t, first, redis.Options{Prefix: "one"})
	for i := range 100 {
		_, err := s.RegisterOperations(t.Context(), chferry.ImportKey(fmt.Sprint("key.", i)), update("1")...)
		if err != nil {
			wantCode(t, err, chferry.CodeUnavailable, "cluster", "commas", "redis.url")
			return
		}
	}
	t.Error("one node has all import keys")
}

// testSlots: all that is kept of an import key is in one slot, import keys are on all nodes, and a
// flush reaches them all.
func testSlots(t *testing.T, url string) {
	s := openURL(t, url, redis.Options{Prefix: "slots"})
	client := goredis.NewClusterClient(
		&goredis.ClusterOptions{Addrs: strings.Split(strings.TrimPrefix(url, "redis://"), ",")})
	t.Cleanup(func() { _ = client.Close() })
	const importKeys = 60
	for i := range importKeys {
		failAndRetry(t, s, chferry.ImportKey(fmt.Sprint("key.", i)))
	}
	slots := map[string]map[int64]bool{} // of each import key
	kinds := map[string]bool{}
	perNode := redisKeys(t, client, "slots:*")
	for _, node := range perNode {
		if len(node) == 0 {
			t.Error("a node has no import key")
		}
		for _, k := range node {
			importKey, kind, _ := strings.Cut(strings.TrimPrefix(k, "slots:{"), "}:")
			slot, err := client.ClusterKeySlot(t.Context(), k).Result()
			if err != nil {
				t.Fatal(err)
			}
			if slots[importKey] == nil {
				slots[importKey] = map[int64]bool{}
			}
			slots[importKey][slot], kinds[kind] = true, true
		}
	}
	if got := slices.Sorted(maps.Keys(kinds)); len(perNode) != 3 || len(slots) != importKeys ||
		strings.Join(got, " ") != "aside failed queue reasons retried state" {
		t.Errorf("%d nodes have %d import keys with %q; want 3, %d and all six",
			len(perNode), len(slots), got, importKeys)
	}
	for importKey, in := range slots {
		if len(in) != 1 {
			t.Errorf("import key %s is in slots %v, want one", importKey, slices.Collect(maps.Keys(in)))
		}
	}

	if err := client.Set(t.Context(), "somebody-elses", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, node := range redisKeys(t, client, "slots:*") {
		for _, k := range node {
			if !strings.HasSuffix(k, "}:state") { // it has the version
				t.Errorf("%s has survived a flush of all", k)
			}
		}
	}
	if err := client.Get(t.Context(), "somebody-elses").Err(); err != nil {
		t.Errorf("somebody else's key: %v", err)
	}
}

// failAndRetry leaves something in every Redis key of an import key.
func failAndRetry(t *testing.T, s *redis.Storage, importKey chferry.ImportKey) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, ids := range [][]string{{"1"}, {"2"}, {"3", "4"}} {
		_, err := s.RegisterOperations(t.Context(), importKey, update(ids...)...)
		check(err)
	}
	_, err := s.PreSync(t.Context(), importKey, storage.PreSyncOptions{Token: "a"})
	check(err)
	for i, pk := range []string{"1", "2", "3"} {
		batch, err := s.GetOperations(t.Context(), importKey, storage.GetOptions{Token: "a", Count: 1})
		check(err)
		failed := []chferry.FailedOperation{{Operation: update(pk)[0], Reason: "bad"}}
		check(s.SetAside(t.Context(), importKey, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1}, failed))
		if i == 2 {
			return
		}
		_, err = s.PostSync(t.Context(), importKey, storage.PostSyncOptions{Token: "a", BatchID: batch.ID})
		check(err)
		if i == 0 {
			_, err = s.RetryFailed(t.Context(), importKey)
			check(err)
		}
	}
}

// redisKeys are the keys of each node.
func redisKeys(t *testing.T, client *goredis.ClusterClient, pattern string) [][]string {
	t.Helper()
	var mu sync.Mutex
	var all [][]string
	err := client.ForEachMaster(t.Context(), func(ctx context.Context, node *goredis.Client) error {
		keys, err := node.Keys(ctx, pattern).Result()
		mu.Lock()
		defer mu.Unlock()
		all = append(all, keys)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
