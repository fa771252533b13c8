package main_test

import (
	"testing"
	"time"

	"github.com/chferry/chferry"
	main "github.com/chferry/chferry/cmd/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/internal/testenv"
)

// TestWorkerPutsBackIntoFullQueue: max_pending bounds those who register, and no worker that has to make room.
func TestWorkerPutsBackIntoFullQueue(t *testing.T) {
	t.Parallel()
	key := chferry.ImportKey("full-" + time.Now().Format("150405.000000000"))
	cfg := &config.Config{Imports: []chferry.Import{{Key: key, MaxPending: 1}}}
	cfg.Redis.URL = testenv.Redis(t)
	registrant, err := main.OpenStorage(config.NewLive(cfg))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registrant.Close() })
	worker, err := main.OpenWorkerStorage(config.NewLive(cfg), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = worker.Close() })
	op := chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"1"}}
	if _, err := registrant.RegisterOperations(t.Context(), key, op); err != nil {
		t.Fatal(err)
	}
	if _, err := registrant.RegisterOperations(t.Context(), key, op); chferry.CodeOf(err) != chferry.CodeQueueFull {
		t.Errorf("a registrant got %v, want a full queue", err)
	}
	if _, err := worker.RegisterOperations(t.Context(), key, op); err != nil {
		t.Errorf("the worker got %v", err)
	}
	if err := registrant.Flush(t.Context(), key); err != nil {
		t.Error(err)
	}
}
