package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chferry/chferry/embedded"
)

func (s *Stack) program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.opts.Program, append(args, "--config", s.ConfigFile())...)
	cmd.Env = os.Environ()
	return cmd
}

// Command runs a command of chferry to its end and returns what it printed.
func (s *Stack) Command(ctx context.Context, args ...string) (string, error) {
	cmd := s.program(ctx, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("chferry %s: %w: %s", args[0], err, strings.TrimSpace(errOut.String()))
	}
	return out.String(), nil
}

// StartWorker starts a worker in a process of its own.
func (s *Stack) StartWorker(ctx context.Context) (err error) {
	s.Worker, err = embedded.StartProgram(s.program(context.WithoutCancel(ctx), "worker"), s.opts.Dir, s.opts.Log)
	return err
}

// StartAPI starts the API in a process of its own and waits until it is ready.
func (s *Stack) StartAPI(ctx context.Context) (err error) {
	if s.api, err = embedded.StartProgram(s.program(context.WithoutCancel(ctx), "api"), s.opts.Dir, s.opts.Log); err != nil {
		return err
	}
	for {
		if err := s.call(ctx, http.MethodGet, "/readyz", "", nil, nil); err == nil {
			return nil
		}
		select {
		case <-s.api.Done():
			return fmt.Errorf("the API ended: %s", s.api.LastLines())
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
