package redis_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/storage/storagetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T, hook func(chferry.ImportKey, int64, int64)) storage.Storage {
		return openResending(t, redis.Options{PostBatchRemoved: hook, Prefix: prefix(t)})
	})
}

// open returns a storage whose keys no other test uses.
func open(t *testing.T, opts redis.Options) *redis.Storage {
	t.Helper()
	if opts.Prefix == "" {
		opts.Prefix = prefix(t)
	}
	return openURL(t, testenv.Redis(t), opts)
}

// prefix is another one whenever a test runs.
func prefix(t *testing.T) string {
	return strings.ReplaceAll(t.Name(), "/", "-") + "-" + rand.Text()[:8]
}

func openURL(t *testing.T, url string, opts redis.Options) *redis.Storage {
	t.Helper()
	s, err := redis.Open(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}
