package worker_test

import (
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/workflows"
)

// TestConfigurationReplaced: a running worker takes the imports of each moment. A sync of one that
// it does not know yet waits.
func TestConfigurationReplaced(t *testing.T) {
	t.Parallel()
	b := prepare(t, testenv.ModernClickHouse(t), "")
	b.live = configured()
	b.serve()
	b.insert("1", "2")
	ended := make(chan error, 1)
	var result workflows.SyncResult
	go func() {
		var err error
		result, err = b.sync()
		ended <- err
	}()
	b.eventuallyUnknown(1)
	b.live.Replace(&config.Config{Imports: []chferry.Import{b.imp}})
	b.ok(<-ended)
	if result.Rows != 2 {
		t.Errorf("%d rows were synced, want 2", result.Rows)
	}
	b.live.Replace(&config.Config{})
	b.register(chferry.Update, "1")
	go func() {
		_, err := b.sync()
		ended <- err
	}()
	b.eventuallyUnknown(2)
	b.live.Replace(&config.Config{Imports: []chferry.Import{b.imp}})
	b.ok(<-ended)
}

// eventuallyUnknown waits until so many attempts at a sync have found that its import key is not configured.
func (b *bundle) eventuallyUnknown(attempts int) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); b.observer.count("step PreSync failed: "+
		string(chferry.CodeUnknownKey)) < attempts; {
		if time.Now().After(deadline) {
			b.t.Fatal("no sync found its import key unknown")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
