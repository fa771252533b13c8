package redis_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

// TestOwnerOfRegistrations: the first to register has the import key, and another installation's
// operations do not get into its queue.
func TestOwnerOfRegistrations(t *testing.T) {
	t.Parallel()
	s := private(t)
	op := chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"1"}}
	installation := func(name string) *redis.Storage {
		store, err := redis.Open("redis://"+s.Addr,
			redis.Options{Owner: func(chferry.ImportKey) string { return name }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store
	}
	ours, theirs := installation("ours"), installation("theirs")
	for range 2 {
		if _, err := ours.RegisterOperations(t.Context(), "users", op); err != nil {
			t.Fatal(err)
		}
	}
	_, err := theirs.RegisterOperations(t.Context(), "users", op)
	if chferry.CodeOf(err) != chferry.CodeConfiguration ||
		!strings.Contains(err.Error(), "import key users in Redis at "+s.Addr+" belongs to another chferry (ours") {
		t.Errorf("got %v", err)
	}
	if _, err := theirs.RegisterOperations(t.Context(), "orders", op); err != nil {
		t.Error(err)
	}
	if n, err := ours.OperationsCount(t.Context(), "users"); err != nil || n != 2 {
		t.Errorf("%d operations are kept (%v), want 2", n, err)
	}
}
