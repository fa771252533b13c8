package main_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

// TestStopsWhateverHangs: a worker that is told to stop ends with status 0, although a server has
// fallen silent in the middle of a sync.
func TestStopsWhateverHangs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server func(testing.TB) string // whose connection falls silent at a request
		at     string                  // a word of the request
	}{
		"Temporal":   {func(t testing.TB) string { return "tcp://" + testenv.Temporal(t) }, ""},
		"PostgreSQL": {nil, "public"},
		"Redis":      {testenv.Redis, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, heldImport)
			server := s.source.Config().ConnString()
			if c.server != nil {
				server = c.server(t)
			}
			p := testenv.NewProxy(t, server)
			s.edit(strings.TrimPrefix(server, "tcp://"), strings.TrimPrefix(p.URL, "tcp://"))
			s.must("apply")
			worker := s.start("worker")
			s.eventually("the worker has started", time.Minute, func() error {
				if !strings.Contains(worker.log.String(), "Started Worker") {
					return errors.New(worker.log.String())
				}
				return nil
			})
			s.exec(`INSERT INTO users VALUES (1, 'held', NULL, 1, true, now(), NULL)`)
			s.must("register", s.key, "insert", "1")
			held := p.HoldRequest(func(piece []byte) bool { return strings.Contains(string(piece), c.at) })
			if name != "Temporal" {
				s.must("sync", s.key)
			}
			held.Wait()
			_ = worker.Process.Signal(syscall.SIGTERM)
			select {
			case <-worker.done:
			case <-time.After(30 * time.Second): // thrice what is promised, for a busy machine
				t.Fatal("the worker did not stop")
			}
			if code := worker.ProcessState.ExitCode(); code != 0 {
				t.Errorf("the worker ended with status %d", code)
			}
		})
	}
}
