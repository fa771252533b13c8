package redis_test

import (
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/storage/storagetest"
)

// TestContractOnMiniredis: the demo falls back on it where there is no redis-server. Each script costs it milliseconds.
func TestContractOnMiniredis(t *testing.T) {
	t.Parallel()
	storagetest.RunLight(t, func(t *testing.T, hook func(chferry.ImportKey, int64, int64)) storage.Storage {
		s, err := redis.Open("redis://"+miniredis.RunT(t).Addr()+"/0", redis.Options{PostBatchRemoved: hook})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
}
