package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute            // one start, with a recovery of the data
	startTries   = 10                     // starts that found something still in use
	retryPause   = 300 * time.Millisecond // between them
	probePause   = 20 * time.Millisecond  // between two questions whether the server is ready
	probeTimeout = 5 * time.Second        // one such question
	stopTimeout  = 10 * time.Second       // a graceful stop, before the server is killed
)

// Server is one server in a process of its own. Its methods may be called from several goroutines.
type Server struct {
	Name   string // what it is: "redis", "postgres", "clickhouse", "chdb" or "temporal"
	Addr   string // host:port
	URL    string // how clients name it, with scheme, user and database; of Temporal the same as Addr
	WebURL string // Temporal's web interface if Options.WebUI asked for it, else empty
	Binary string // path of the program that runs
	Dir    string // folder of the data

	program   program
	opts      Options
	port      int
	more      []int // further free ports, as many as program.morePorts
	temporary bool  // Dir is ours to remove
	removed   bool  // and has been

	mu   sync.Mutex
	proc *process
}

// program is what one server has of its own.
type program interface {
	// prepare makes the data folder ready for the chosen ports. It may be called again on a folder that is.
	prepare(ctx context.Context, s *Server) error
	// command is the server's command line.
	command(ctx context.Context, s *Server) *exec.Cmd
	// ready asks the server itself whether it answers.
	ready(ctx context.Context, s *Server) error
	// url is how clients name the server.
	url(addr string) string
	// morePorts is how many ports the server needs beside its own.
	morePorts() int
	// stopSignal asks for a graceful end, deathSignal is what a dying parent sends.
	stopSignal() syscall.Signal
	deathSignal() syscall.Signal
}

// start brings up the program under a name. The context bounds the start, not the server's life.
func start(ctx context.Context, name, binary string, p program, opts Options) (*Server, error) {
	s := &Server{Name: name, Binary: binary, program: p, opts: opts}
	if err := s.makeDir(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := s.launch(ctx, s.choosePorts); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), s.removeDir())
	}
	return s, nil
}

// Restart starts the server again on the same port and data, after Kill or Stop, or stops it first if it runs. A
// server whose temporary folder Stop has removed has no data to start from: that is an error.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed {
		return fmt.Errorf("restart %s: its temporary folder was removed when it was stopped", s.Name)
	}
	s.proc.stop(ctx, s.program.stopSignal())
	if err := s.launch(ctx, func(context.Context) error { return nil }); err != nil {
		return fmt.Errorf("restart %s: %w", s.Name, err)
	}
	return nil
}

// Stop ends the server gracefully, kills it when that takes more than ten seconds or the context ends, and removes
// the temporary folder if there is one. The process is gone when Stop returns. Stopping twice is harmless.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc.stop(ctx, s.program.stopSignal())
	if err := s.removeDir(); err != nil {
		return fmt.Errorf("stop %s: %w", s.Name, err)
	}
	return nil
}

// Kill ends the server at once with SIGKILL, as a crash would, and keeps its data for Restart.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.proc.kill(); err != nil {
		return fmt.Errorf("kill %s: %w", s.Name, err)
	}
	return nil
}

// Pid is the process ID, 0 when the server does not run.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.proc.pid()
}

// String tells what was chosen, in one line for people.
func (s *Server) String() string {
	text := fmt.Sprintf("%s on %s (%s, data in %s)", s.Name, s.Addr, s.Binary, s.Dir)
	if s.WebURL != "" {
		text += ", web interface " + s.WebURL
	}
	return text
}

// launch runs the program until it answers. Choosing the ports is part of each try, because between the choice and
// the server's own listening another process may take one.
func (s *Server) launch(ctx context.Context, choosePorts func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for try := 1; ; try++ {
		if err := choosePorts(ctx); err != nil {
			return err
		}
		err := s.launchOnce(ctx)
		if err == nil {
			return nil
		}
		// A port or, after a kill, PostgreSQL's shared memory: both are soon free again, or another port is.
		if try == startTries || !strings.Contains(err.Error(), "in use") || !sleep(ctx, retryPause) {
			return err
		}
	}
}

func (s *Server) launchOnce(ctx context.Context) error {
	// A taken port is said by us, at once: asked by the probe, whoever has it might keep us waiting.
	if err := portFree(ctx, s.port); err != nil {
		return err
	}
	if err := s.program.prepare(ctx, s); err != nil {
		return err
	}
	// The context bounds the start; the server lives on after it.
	cmd := s.program.command(context.WithoutCancel(ctx), s)
	cmd.Args = append(cmd.Args, s.opts.Args...)
	proc, err := startProcess(cmd, s.Dir, s.opts.Log, s.program.deathSignal())
	if err != nil {
		return err
	}
	s.proc = proc
	if err := s.awaitReady(ctx); err != nil {
		proc.stop(ctx, s.program.stopSignal())
		return fmt.Errorf("%w; its last lines: %s", err, proc.log.lastLines())
	}
	return nil
}

// awaitReady asks the server until it answers, or its process ends: then whoever listens on the port is not ours.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := s.proc.whileAlive(ctx)
	defer cancel()
	for {
		err := s.probe(ctx)
		switch {
		case s.proc.ended():
			return errors.New("the program ended before it was ready")
		case err == nil:
			return nil
		case !sleep(ctx, probePause) && !s.proc.ended():
			return fmt.Errorf("not ready in time: %w", err)
		}
	}
}

func (s *Server) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return s.program.ready(ctx, s)
}

func (s *Server) choosePorts(ctx context.Context) error {
	ports, err := freePorts(ctx, 1+s.program.morePorts())
	if err != nil {
		return err
	}
	s.port, s.more = ports[0], ports[1:]
	if s.opts.Port != 0 {
		s.port = s.opts.Port
	}
	s.Addr = net.JoinHostPort(loopback, strconv.Itoa(s.port))
	s.URL = s.program.url(s.Addr)
	return nil
}

func (s *Server) makeDir() (err error) {
	if s.opts.Dir == "" {
		s.temporary = true
		s.Dir, err = os.MkdirTemp("", "chferry-"+s.Name+"-")
		return err
	}
	if s.Dir, err = filepath.Abs(s.opts.Dir); err != nil {
		return err
	}
	return os.MkdirAll(s.Dir, 0o755)
}

func (s *Server) removeDir() error {
	if !s.temporary || s.removed {
		return nil
	}
	s.removed = true
	return os.RemoveAll(s.Dir)
}

// sleep waits and tells whether it could, or the context ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
