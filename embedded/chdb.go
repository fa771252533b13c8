package embedded

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// StartChdb starts ClickHouse as a library behind a small HTTP server of ours, the one in
// chdbserver, with a user "default" whose password is in Server.URL:
// http://default:PASSWORD@127.0.0.1:PORT/default. The context bounds the start, and the download
// and the build that the first one on a machine needs. Where these can't be done, the error is a
// *MissingError.
func StartChdb(ctx context.Context, opts Options) (*Server, error) {
	library, err := ChdbLibrary(ctx, opts.Log, nil)
	if err != nil {
		return nil, err
	}
	binary, err := ChdbServer(ctx, opts.Log)
	if err != nil {
		return nil, err
	}
	return start(ctx, chdbName, binary, chdbServer{library: library, password: chdbPassword(opts.Dir)}, opts)
}

const (
	chdbName   = "chdb"
	chdbRemedy = "install ClickHouse 23.2 or newer as `clickhouse` on PATH, or use a server that runs already"
)

type chdbServer struct{ library, password string }

// chdbPassword is the password that the data in a folder had before, so that configurations that
// name it stay right, or else a new one.
func chdbPassword(dir string) string {
	if dir != "" {
		if text, err := os.ReadFile(filepath.Join(dir, chdbPasswordFile)); err == nil && len(text) > 1 {
			return strings.TrimSpace(string(text))
		}
	}
	return rand.Text()
}

// prepare leaves the password in a file: command lines can be read by everybody.
func (c chdbServer) prepare(_ context.Context, s *Server) error {
	return os.WriteFile(c.passwordFile(s), []byte(c.password+"\n"), 0o600)
}

func (c chdbServer) command(ctx context.Context, s *Server) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.Binary,
		"--listen", s.Addr,
		"--library", c.library,
		"--data", filepath.Join(s.Dir, "data"),
		"--password-file", c.passwordFile(s),
	)
	if s.opts.NoSync {
		cmd.Args = append(cmd.Args, "--no-sync")
	}
	return cmd
}

func (c chdbServer) ready(ctx context.Context, s *Server) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/?query=SELECT+1", nil)
	if err != nil {
		return fmt.Errorf("ask it to select: %w", err)
	}
	request.SetBasicAuth("default", c.password)
	transport := &http.Transport{DisableKeepAlives: true} // of its own, because it leaves nothing behind
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("select: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("select: %s", response.Status)
	}
	return nil
}

const chdbPasswordFile = "password"

func (chdbServer) passwordFile(s *Server) string { return filepath.Join(s.Dir, chdbPasswordFile) }

func (c chdbServer) url(addr string) string {
	return "http://default:" + c.password + "@" + addr + "/default"
}
func (chdbServer) morePorts() int              { return 0 }
func (chdbServer) stopSignal() syscall.Signal  { return syscall.SIGTERM }
func (chdbServer) deathSignal() syscall.Signal { return syscall.SIGKILL }
