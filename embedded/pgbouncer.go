package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// pgBouncerPool is how many connections to a database PgBouncer holds: fewer than it has clients,
// so that a client gets another one for each transaction.
const pgBouncerPool = 2

// StartPgBouncer starts PgBouncer in its mode "transaction" in front of the PostgreSQL that a URL
// leads to. Server.URL leads to the same database through it; the server's other databases are
// reached in the same way. As root it runs as the system's user "postgres". The context bounds the
// start, not the server's life. A missing program is a *MissingError.
func StartPgBouncer(ctx context.Context, postgres string, opts Options) (*Server, error) {
	const name = "pgbouncer"
	binary, found := findProgram(name, "/usr/sbin")
	if !found {
		return nil, &MissingError{name, name, "install the package pgbouncer"}
	}
	u, err := url.Parse(postgres)
	if err != nil {
		// The cause is left out: it would show the password.
		return nil, fmt.Errorf("start %s: the URL of its PostgreSQL can't be read", name)
	}
	credential, err := unprivileged(os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return start(ctx, name, binary, pgBouncerServer{u, postgresServer{credential}}, opts)
}

type pgBouncerServer struct {
	postgres *url.URL
	postgresServer
}

func (p pgBouncerServer) prepare(_ context.Context, s *Server) error {
	login := "user=" + p.postgres.User.Username()
	if password, ok := p.postgres.User.Password(); ok {
		login += " password='" + strings.ReplaceAll(password, "'", "''") + "'"
	}
	text := fmt.Sprintf(`[databases]
* = host=%s port=%s %s
[pgbouncer]
listen_addr = %s
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
`, p.postgres.Hostname(), p.postgres.Port(), login, loopback, s.port, pgBouncerPool)
	err := os.WriteFile(p.config(s), []byte(text), 0o600)
	if err == nil && p.credential != nil {
		uid, gid := int(p.credential.Uid), int(p.credential.Gid)
		err = errors.Join(os.Chown(s.Dir, uid, gid), os.Chown(p.config(s), uid, gid))
	}
	return err
}

func (p pgBouncerServer) command(ctx context.Context, s *Server) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Binary, p.config(s))
	sysProcAttr(cmd).Credential = p.credential
	return cmd
}

func (pgBouncerServer) config(s *Server) string { return filepath.Join(s.Dir, "pgbouncer.ini") }

func (p pgBouncerServer) url(addr string) string {
	through := *p.postgres
	through.User, through.Host = url.User(p.postgres.User.Username()), addr
	return through.String()
}

// From 1.23 on PgBouncer ends after SIGTERM when its clients have left.
func (pgBouncerServer) stopSignal() syscall.Signal  { return syscall.SIGTERM }
func (pgBouncerServer) deathSignal() syscall.Signal { return syscall.SIGKILL }
