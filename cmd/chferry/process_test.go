package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fails runs the binary, which must end soon with this status and one line of error that has all of
// words. It returns everything that was printed.
func (s *stack) fails(status int, words []string, args ...string) string {
	s.t.Helper()
	began := time.Now()
	got, out, errOut := s.run(args...)
	line := "chferry " + strings.Join(args, " ")
	if got != status {
		s.t.Errorf("%s: status %d, want %d\n%s%s", line, got, status, out, errOut)
	}
	if took := time.Since(began); took > soon {
		s.t.Errorf("%s: it took %s", line, took)
	}
	if problem := badError(got, errOut); problem != "" || strings.Count(errOut, "chferry: ") != 1 {
		s.t.Errorf("%s: want one line of error: %s\n%s", line, problem, errOut)
	}
	for _, word := range words {
		if !strings.Contains(errOut, word) {
			s.t.Errorf("%s: the error lacks %q: %s", line, word, errOut)
		}
	}
	return out + errOut
}

// edit replaces text in the configuration file.
func (s *stack) edit(old, replacement string) {
	s.t.Helper()
	text := s.config()
	if !strings.Contains(text, old) {
		s.t.Fatalf("the configuration lacks %q", old)
	}
	s.write("chferry.yaml", strings.ReplaceAll(text, old, replacement))
}

// config returns the configuration file's text.
func (s *stack) config() string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, "chferry.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// process is a service that runs.
type process struct {
	*exec.Cmd
	log  *logBuffer
	done chan struct{}
}

// logBuffer can be read while a process writes to it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the log.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns the log so far.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// start starts a service and stops it when the test ends.
func (s *stack) start(args ...string) *process {
	s.t.Helper()
	p := &process{Cmd: s.command(args...), log: &logBuffer{}, done: make(chan struct{})}
	p.Stderr = p.log
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.done) }()
	s.t.Cleanup(func() {
		p.stop(syscall.SIGKILL)
		if s.t.Failed() {
			s.t.Logf("log of %s:\n%s", args[0], tail(p.log.String(), 4000))
		}
	})
	return p
}

func (p *process) stop(signal syscall.Signal) {
	_ = p.Process.Signal(signal) // it may have ended
	<-p.done
}

func tail(text string, n int) string {
	return text[max(0, len(text)-n):]
}
