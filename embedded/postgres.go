package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// postgresUser is the unprivileged system user that runs PostgreSQL when we are root, which it refuses to be.
const postgresUser = "postgres"

// StartPostgres starts PostgreSQL with a superuser "postgres" who needs no password, reachable over loopback only.
// As root it runs as the system's user "postgres", who must be able to reach Options.Dir and is made its owner. The
// context bounds the start, not the server's life. A missing program is a *MissingError.
func StartPostgres(ctx context.Context, opts Options) (*Server, error) {
	const name = "postgres"
	binary, found := findProgram("postgres", postgresDirs()...)
	if !found {
		return nil, &MissingError{name, "PostgreSQL server", "install the package postgresql"}
	}
	binary, err := filepath.EvalSymlinks(binary) // initdb stands beside the program, not beside a link to it
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	credential, err := unprivileged(os.Geteuid())
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return start(ctx, name, binary, postgresServer{credential}, opts)
}

// unprivileged finds whom root becomes to run PostgreSQL: nil for anyone else, who stays who he is.
func unprivileged(uid int) (*syscall.Credential, error) {
	if uid != 0 {
		return nil, nil
	}
	account, err := user.Lookup(postgresUser)
	if err != nil {
		return nil, fmt.Errorf("root can't run PostgreSQL, and there is no user %s to run it: %w", postgresUser, err)
	}
	id, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the ID of user %s: %w", postgresUser, err)
	}
	group, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("read the group of user %s: %w", postgresUser, err)
	}
	return &syscall.Credential{Uid: uint32(id), Gid: uint32(group)}, nil
}

type postgresServer struct{ credential *syscall.Credential }

func (p postgresServer) prepare(ctx context.Context, s *Server) error {
	if p.credential != nil {
		if err := os.Chown(s.Dir, int(p.credential.Uid), int(p.credential.Gid)); err != nil {
			return err
		}
	}
	if _, err := os.Stat(p.data(s)); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Made under another name, so that a start that was killed leaves no half-made data behind.
	fresh := p.data(s) + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := p.initdb(ctx, s, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, p.data(s))
}

func (p postgresServer) initdb(ctx context.Context, s *Server, dir string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(s.Binary), "initdb"), "--pgdata", dir,
		"--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-instructions")
	if s.opts.NoSync {
		cmd.Args = append(cmd.Args, "--no-sync")
	}
	sysProcAttr(cmd).Credential = p.credential
	proc, err := startProcess(cmd, s.Dir, s.opts.Log, syscall.SIGKILL)
	if err != nil {
		return fmt.Errorf("%w (the folder %s and those above it must be open to the user %s)", err, s.Dir, postgresUser)
	}
	<-proc.done
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("create the data folder: %s; its last lines: %s", cmd.ProcessState, proc.log.lastLines())
	}
	return nil
}

func (p postgresServer) command(ctx context.Context, s *Server) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Binary, "-D", p.data(s), "-p", strconv.Itoa(s.port))
	settings := []string{
		"listen_addresses=" + loopback,
		"unix_socket_directories=", // none: a socket's path may not pass 107 bytes, and nobody needs it
		"timezone=UTC",
		"max_connections=200",
		// The log may show neither statements nor rows.
		"log_min_error_statement=panic",
		"log_error_verbosity=terse",
	}
	if s.opts.NoSync {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	for _, setting := range settings {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	sysProcAttr(cmd).Credential = p.credential
	return cmd
}

func (postgresServer) ready(ctx context.Context, s *Server) error {
	conn, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		// pgx names the user and the database, which says nothing here.
		return fmt.Errorf("connect: %s", strings.SplitN(err.Error(), "\n", 2)[0])
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "SELECT 1"); err != nil {
		return fmt.Errorf("select: %w", err)
	}
	return nil
}

func (postgresServer) data(s *Server) string { return filepath.Join(s.Dir, "data") }

func (postgresServer) url(addr string) string {
	return "postgres://postgres@" + addr + "/postgres?sslmode=disable"
}

func (postgresServer) morePorts() int             { return 0 }
func (postgresServer) stopSignal() syscall.Signal { return syscall.SIGINT } // "fast": clients are disconnected

// The "immediate" shutdown takes PostgreSQL's own children along.
func (postgresServer) deathSignal() syscall.Signal { return syscall.SIGQUIT }
