package postgres_test

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
)

// replica is a primary with a standby that streams from it. The bundle writes to the primary and
// reads from the standby.
type replica struct {
	bundle
	primary, standby *embedded.Server
}

func setupReplica(t *testing.T, standbyArgs ...string) replica {
	t.Helper()
	primary := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	standby := standbyOf(t, primary, standbyArgs...)
	return replica{
		bundle{standby.URL, openStandby(t, standby.URL, primary.URL), connect(t, primary.URL)},
		primary,
		standby,
	}
}

// standbyOf starts a standby. Its slot keeps the primary from removing what a slow machine has not streamed yet.
func standbyOf(t *testing.T, primary *embedded.Server, args ...string) *embedded.Server {
	t.Helper()
	return copyOf(t, primary, append(args, "-c", "wal_retrieve_retry_interval=100ms"),
		"--write-recovery-conf", "--create-slot", "--slot", "standby_"+strings.ToLower(rand.Text()))
}

// copyOf starts a server on a copy of another one's data.
func copyOf(t *testing.T, original *embedded.Server, serverArgs []string, copyArgs ...string) *embedded.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "chferry-copy-") // not in the test's own folder, which PostgreSQL's user may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	host, port, err := net.SplitHostPort(original.Addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(original.Binary), "pg_basebackup"),
		append(copyArgs, "--pgdata", filepath.Join(dir, "data"), "--host", host, "--port", port, "--username",
			"postgres",
			"--checkpoint", "fast", "--no-sync", "--no-password")...)
	cmd.Dir = dir
	runAsOwner(t, cmd, original.Dir)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the data: %v\n%s", err, output)
	}
	return testenv.Private(t, embedded.StartPostgres, embedded.Options{Dir: dir, NoSync: true, Args: serverArgs})
}

// runAsOwner makes root become the owner of a server's folder, which is who PostgreSQL must run as.
func runAsOwner(t *testing.T, cmd *exec.Cmd, serverDir string) {
	t.Helper()
	info, err := os.Stat(serverDir)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if os.Geteuid() != 0 || owner.Uid == 0 {
		return
	}
	if err := os.Chown(cmd.Dir, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
}

func openStandby(t testing.TB, url, primary string) source.Source {
	t.Helper()
	s, err := postgres.Open(url, source.Options{Alias: alias, Primary: primary})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// onStandby runs statements on the standby, which has no tables of its own to write.
func (r replica) onStandby(t *testing.T, statements string) {
	t.Helper()
	on(t, r.standby, statements)
}

func on(t *testing.T, server *embedded.Server, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn := connect(t, server.URL)
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.PgConn().Exec(ctx, statements).ReadAll(); err != nil {
		t.Fatalf("exec %.200s: %v", statements, err)
	}
}

// promote makes a server a standby and a primary again, on a timeline of its own.
func promote(t *testing.T, server *embedded.Server) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(server.Dir, "data", "standby.signal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	on(t, server, "SELECT pg_promote()")
}
