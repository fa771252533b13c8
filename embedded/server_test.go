package embedded_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chferry/chferry/embedded"
)

func TestLifeOfAServer(t *testing.T) {
	t.Parallel()
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := k.start(t.Context(), embedded.Options{NoSync: true})
			check(t, err)
			t.Cleanup(func() { _ = s.Stop(context.Background()) })
			if s.Name != name || s.Pid() == 0 {
				t.Errorf("name and pid: got %q, %d, want %q and a pid", s.Name, s.Pid(), name)
			}
			k.write(t, s.URL)

			first := s.Pid()
			check(t, s.Restart(t.Context()))
			if s.Pid() == first {
				t.Error("the process is the same after a restart")
			}
			wantKept(t, k, s, "after a restart")

			check(t, s.Kill())
			if got := s.Pid(); got != 0 {
				t.Errorf("pid after a kill: got %d, want 0", got)
			}
			check(t, s.Restart(t.Context()))
			wantKept(t, k, s, "after a kill")

			check(t, s.Stop(t.Context()))
			wantGone(t, s.Dir)
			if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
				t.Errorf("the temporary folder is still there: %v", err)
			}
			if err := s.Restart(t.Context()); err == nil {
				t.Error("restarted without its data")
			}
		})
	}
}

func TestDataStaysInAGivenFolder(t *testing.T) {
	t.Parallel()
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := embedded.Options{Dir: filepath.Join(sharedTempDir(t), "data of <"+name+">")}
			s, err := k.start(t.Context(), opts)
			check(t, err)
			t.Cleanup(func() { _ = s.Stop(context.Background()) })
			k.write(t, s.URL)
			check(t, s.Stop(t.Context()))
			wantGone(t, s.Dir)

			again, err := k.start(t.Context(), opts)
			check(t, err)
			t.Cleanup(func() { _ = again.Stop(context.Background()) })
			wantKept(t, k, again, "after a new start")
			check(t, again.Stop(t.Context()))
			check(t, again.Restart(t.Context()))
			wantKept(t, k, again, "after a stop and a restart")
		})
	}
}

func TestListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := k.start(t.Context(), embedded.Options{NoSync: true, WebUI: true})
			check(t, err)
			t.Cleanup(func() { _ = s.Stop(context.Background()) })
			for _, address := range listening(t, s.Dir) {
				if !net.ParseIP(address).IsLoopback() {
					t.Errorf("listens on %s", address)
				}
			}
		})
	}
}

func TestStartReportsItsChoices(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s, err := embedded.StartRedis(t.Context(), embedded.Options{Log: &log})
	check(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	for _, want := range []string{"redis", s.Addr, s.Binary, s.Dir} {
		if want == "" || !strings.Contains(s.String(), want) {
			t.Errorf("report %q lacks %q", s, want)
		}
	}
	if got := log.String(); !strings.Contains(got, "Ready to accept connections") {
		t.Errorf("log of the server: got %q", got)
	}
}

func TestStartThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	_, text, err := net.SplitHostPort(taken.Addr().String())
	check(t, err)
	port, err := strconv.Atoi(text)
	check(t, err)

	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := k.start(t.Context(), embedded.Options{Port: port})
			if err == nil {
				_ = s.Stop(context.Background())
				t.Fatal("started on a port that is taken")
			}
			for _, want := range []string{"start " + name, "in use"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, which lacks %q", err, want)
				}
			}
		})
	}
}

func TestStartThatFailsShowsTheLog(t *testing.T) {
	t.Parallel()
	s, err := embedded.StartRedis(t.Context(), embedded.Options{Args: []string{"--no-such-setting", "1"}})
	if err == nil {
		_ = s.Stop(context.Background())
		t.Fatal("started with a setting that does not exist")
	}
	if !strings.Contains(err.Error(), "no-such-setting") {
		t.Errorf("got %q, which does not show what the server said", err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := embedded.StartPostgres(ctx, embedded.Options{}); err == nil {
		_ = s.Stop(context.Background())
		t.Error("started with a context that had ended")
	}
}

func wantKept(t *testing.T, k kind, s *embedded.Server, when string) {
	t.Helper()
	if got, want := k.read(t, s.URL), "kept"; got != want {
		t.Errorf("what was written, %s: got %q, want %q", when, got, want)
	}
}

// sharedTempDir is a temporary folder that other users may enter, unlike t.TempDir, as PostgreSQL's must.
func sharedTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	check(t, os.Chmod(dir, 0o755))
	return dir
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
