package chdbserver_test

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry/embedded"
)

// TestKilledServerKeepsWhatItAcknowledged kills it three times while rows are written one batch after another.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id")
	var acknowledged atomic.Uint64 // all below are
	for kill := range 3 {
		stopped := make(chan struct{})
		goal := acknowledged.Load() + 20
		go func() {
			defer close(stopped)
			for id := acknowledged.Load(); writeKept(t.Context(), s, id) == nil; id++ {
				acknowledged.Store(id + 1)
			}
		}()
		eventually(t, "twenty more batches", func() bool { return acknowledged.Load() >= goal })
		check(t, s.Kill())
		<-stopped
		check(t, s.Restart(t.Context()))
		var lost uint64
		n := acknowledged.Load()
		check(t, s.conn.QueryRow(t.Context(), fmt.Sprintf("SELECT count() FROM numbers(%d) "+
			"WHERE number NOT IN (SELECT id FROM kept GROUP BY id HAVING count() = 100)", n)).Scan(&lost))
		if lost > 0 {
			t.Errorf("kill %d lost %d of %d batches", kill, lost, n)
		}
		// One batch may be there that was not acknowledged.
		s.exec(t, fmt.Sprintf("ALTER TABLE kept DELETE WHERE id >= %d SETTINGS mutations_sync = 1", n))
	}
}

func writeKept(ctx context.Context, s *server, id uint64) error {
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO kept (id)")
	if err != nil {
		return err
	}
	for range 100 {
		if err := batch.Append(id); err != nil {
			return err
		}
	}
	return batch.Send()
}

// TestStopWithAStatementRunning ends the statement, and the process in time.
func TestStopWithAStatementRunning(t *testing.T) {
	t.Parallel()
	s := start(t)
	failed := make(chan error, 1)
	go func() {
		failed <- s.conn.Exec(t.Context(),
			"SELECT sleepEachRow(1) FROM numbers(60) FORMAT Null SETTINGS max_block_size = 1")
	}()
	eventually(t, "the statement runs", func() bool { return s.running(t, "%sleepEachRow%") == "1" })
	pid, begin := s.Pid(), time.Now()
	check(t, s.Stop(t.Context()))
	if took := time.Since(begin); took > 9*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if err := <-failed; err == nil {
		t.Error("the statement ended well")
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); err == nil {
		t.Error("the process is still there")
	}
}

// TestDataOfAnotherServer has two servers on one folder.
func TestDataOfAnotherServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	second, err := embedded.StartChdb(t.Context(), embedded.Options{Dir: s.Dir})
	if err == nil {
		_ = second.Stop(context.Background())
		t.Fatal("a second server started on the data of the first")
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	binary, err := embedded.ChdbServer(t.Context(), nil)
	check(t, err)
	library, err := embedded.ChdbLibrary(t.Context(), nil, nil)
	check(t, err)
	dir := t.TempDir()
	password, empty := filepath.Join(dir, "password"), filepath.Join(dir, "empty")
	check(t, os.WriteFile(password, []byte("secret\n"), 0o600))
	check(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for name, test := range map[string]struct{ listen, library, password, want string }{
		"all addresses":      {"0.0.0.0:0", library, password, "loopback only"},
		"all IPv6 addresses": {"[::]:0", library, password, "loopback only"},
		"no address":         {":0", library, password, "loopback only"},
		"another machine":    {"192.0.2.1:0", library, password, "loopback only"},
		"a name":             {"localhost.example:0", library, password, "loopback only"},
		"no port":            {"127.0.0.1", library, password, "--listen"},
		"no password":        {"127.0.0.1:0", library, empty, "password is empty"},
		"no password file":   {"127.0.0.1:0", library, filepath.Join(dir, "absent"), "password"},
		"no library":         {"127.0.0.1:0", filepath.Join(dir, "absent.so"), password, "absent.so"},
		"not that library":   {"127.0.0.1:0", "libc.so.6", password, "older than 26.7"},
		"library not given":  {"127.0.0.1:0", "", password, "needs --library"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, "--listen", test.listen, "--library", test.library,
				"--data", filepath.Join(t.TempDir(), "data"), "--password-file", test.password)
			var output bytes.Buffer
			cmd.Stdout, cmd.Stderr = &output, &output
			if err := cmd.Run(); err == nil || ctx.Err() != nil || !strings.Contains(output.String(), test.want) {
				t.Errorf("got %v and %q, want it to fail with %q", err, &output, test.want)
			}
		})
	}
}

// running counts the statements, but its own, that are like a pattern.
func (s *server) running(t *testing.T, pattern string) string {
	t.Helper()
	return strings.TrimSpace(s.post(t, "param_like="+url.QueryEscape(pattern),
		"SELECT count() FROM system.processes WHERE query LIKE {like:String} AND query NOT LIKE "+
			"'%system.processes%'").body)
}
