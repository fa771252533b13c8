package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chferry/chferry/embedded"
)

// readyTimeout is how long the API and the worker may take until they work.
const readyTimeout = 30 * time.Second

// program is chferry with a configuration. The environment's settings of Temporal win over the
// file, and they mean another Temporal than the one of this stack, so they are left out.
func (s *Stack) program(ctx context.Context, config string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.opts.Program, append(args, "--config", config)...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TEMPORAL_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// commandError is what a command of chferry said of its failure, one problem a line, without the program's name.
type commandError struct{ problems []string }

// Error returns all problems.
func (e *commandError) Error() string { return strings.Join(e.problems, "\n") }

// Command runs a command of chferry to its end and returns what the command printed, also with an error.
func (s *Stack) Command(ctx context.Context, args ...string) (string, error) {
	var out, errOut bytes.Buffer
	cmd := s.program(context.WithoutCancel(ctx), s.ConfigFile(), args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	command, err := embedded.StartProgram(cmd, s.opts.Dir, nil)
	if err != nil {
		return "", err
	}
	select {
	case <-command.Done():
	case <-ctx.Done():
		command.Stop(context.WithoutCancel(ctx))
		return out.String(), context.Cause(ctx)
	}
	printed := out.String()
	if s.opts.Hide != "" {
		printed = strings.ReplaceAll(printed, s.opts.Hide+"\n", "")
	}
	if command.ExitCode() == 0 {
		return printed, nil
	}
	failed := &commandError{}
	for line := range strings.Lines(errOut.String()) {
		if problem, ok := strings.CutPrefix(strings.TrimSpace(line), "chferry: "); ok {
			failed.problems = append(failed.problems, problem)
		}
	}
	if len(failed.problems) == 0 {
		return printed, fmt.Errorf("chferry %s ended with status %d: %s",
			args[0], command.ExitCode(), strings.TrimSpace(errOut.String()))
	}
	return printed, failed
}

// StartWorker starts a worker in a process of its own and returns once it works.
func (s *Stack) StartWorker(ctx context.Context) (err error) {
	started := &awaited{text: []byte(`msg="worker started"`), seen: make(chan struct{})}
	if s.Worker, err = s.start(ctx, "worker", started); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout,
		fmt.Errorf("the worker did not start within %s", readyTimeout))
	defer cancel()
	select {
	case <-started.seen:
		return nil
	case <-s.Worker.Done():
		return fmt.Errorf("the worker ended: %s", ended(s.Worker))
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// StartAPI starts the API in a process of its own and waits until it is ready.
func (s *Stack) StartAPI(ctx context.Context) (err error) {
	if s.api, err = s.start(ctx, "api", io.Discard); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout,
		fmt.Errorf("the API was not ready within %s", readyTimeout))
	defer cancel()
	for {
		ready := s.call(ctx, http.MethodGet, "/readyz", "", nil, nil)
		if ready == nil {
			return nil
		}
		select {
		case <-s.api.Done():
			return fmt.Errorf("the API ended: %s", ended(s.api))
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), ready)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// start starts a service, whose output goes to its log file too.
func (s *Stack) start(ctx context.Context, service string, watch io.Writer) (*embedded.Program, error) {
	log, closeLog := watch, func() error { return nil }
	if s.opts.Logs {
		file, err := os.OpenFile(filepath.Join(s.opts.Dir, service+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open the log of the %s: %w", service, err)
		}
		log, closeLog = io.MultiWriter(file, watch), file.Close
	}
	p, err := embedded.StartProgram(s.program(context.WithoutCancel(ctx), s.programConfig, service), s.opts.Dir, log)
	if err != nil {
		return nil, errors.Join(err, closeLog())
	}
	go func() {
		<-p.Done()
		_ = closeLog() // the lines are written
	}()
	return p, nil
}

// stopPrograms ends worker and API, those of them that run.
func (s *Stack) stopPrograms(ctx context.Context) {
	for _, p := range []*embedded.Program{s.Worker, s.api} {
		if p != nil {
			p.Stop(ctx)
		}
	}
}

// failure is why a service ended that ended with an error of its own; empty if none did.
func (s *Stack) failure() string {
	for _, p := range []*embedded.Program{s.Worker, s.api} {
		if p != nil && !running(p) && p.ExitCode() > 0 {
			return ended(p)
		}
	}
	return ""
}

// ended is why a service ended: the errors that chferry printed, or else its last lines.
func ended(p *embedded.Program) string {
	var errors []string
	for line := range strings.SplitSeq(p.LastLines(), " | ") {
		if text, ok := strings.CutPrefix(line, "chferry: "); ok {
			errors = append(errors, text)
		}
	}
	if len(errors) == 0 {
		return p.LastLines()
	}
	return strings.Join(errors, "; ")
}

// awaited is a writer that closes seen once a text was written.
type awaited struct {
	text []byte
	seen chan struct{}
	once sync.Once
	kept []byte // the end of what was written, shorter than text
}

// Write implements io.Writer.
func (a *awaited) Write(written []byte) (int, error) {
	a.kept = append(a.kept, written...)
	if bytes.Contains(a.kept, a.text) {
		a.once.Do(func() { close(a.seen) })
	}
	a.kept = bytes.Clone(a.kept[max(0, len(a.kept)-len(a.text)+1):])
	return len(written), nil
}
