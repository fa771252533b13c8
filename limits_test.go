package chferry_test

import (
	"testing"
	"time"

	"github.com/chferry/chferry"
)

func TestLimitsWithDefaults(t *testing.T) {
	t.Parallel()
	want := chferry.Limits{
		MaxBatches: 100, MaxFailed: 100, RetryFor: 10 * time.Minute, Lease: time.Minute,
		HeartbeatTimeout: 10 * time.Second, InsertTimeout: time.Hour,
	}
	if got := (chferry.Limits{}).WithDefaults(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	set := chferry.Limits{
		MaxBatches: 1, MaxFailed: 7, MaxDuration: 2 * time.Second, RetryFor: 3 * time.Second, Lease: 9 * time.Second,
		HeartbeatTimeout: 5 * time.Second, InsertTimeout: 6 * time.Second,
	}
	if got := set.WithDefaults(); got != set {
		t.Errorf("got %+v, want %+v as set", got, set)
	}
}
