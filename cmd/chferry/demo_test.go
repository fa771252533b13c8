package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// embeddedCommand runs chferry with a folder of its own for temporary files, by which its processes are told.
func embeddedCommand(t *testing.T, args ...string) (p *process, out *logBuffer, dir string) {
	t.Helper()
	dir = t.TempDir()
	reachable(t, dir)
	s := &stack{t: t, dir: dir}
	out = &logBuffer{}
	p = &process{Cmd: s.command(args...), log: &logBuffer{}, done: make(chan struct{})}
	p.Env = append(p.Env, "TMPDIR="+dir)
	p.Stdout, p.Stderr = out, p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.done) }()
	t.Cleanup(func() { p.stop(syscall.SIGKILL) })
	return p, out, dir
}

// wantNothingLeft looks for processes that work in dir, and for what is in it.
func wantNothingLeft(t *testing.T, dir string) {
	t.Helper()
	for _, line := range processesOf(t, dir) {
		t.Errorf("a process is left: %s", line)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// processesOf returns the command lines of the processes that have a folder in theirs.
func processesOf(t *testing.T, dir string) (lines []string) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range commands {
		line, err := os.ReadFile(path)
		if err == nil && bytes.Contains(line, []byte(dir)) {
			lines = append(lines, string(bytes.ReplaceAll(line, []byte{0}, []byte(" "))))
		}
	}
	return lines
}

func TestDemo(t *testing.T) {
	t.Parallel()
	p, out, dir := embeddedCommand(t, "demo", "--rows", "3000", "--live", "3s")
	<-p.done
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("status %d\n%s%s", code, out, p.log)
	}
	for _, want := range []string{
		"\nequal: ", "with kill -9", "takes over", "0 failed", "/namespaces/default/workflows?query=",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
	wantNothingLeft(t, dir)
}

// TestDemoWithoutRedis has no program at all, and an empty cache: Redis is told before anything is built.
func TestDemoWithoutRedis(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"demo", "dev"} {
		dir := t.TempDir()
		s := &stack{t: t, dir: dir}
		cmd := s.command(command)
		cmd.Env = append(cmd.Env, "PATH="+t.TempDir(), "TMPDIR="+dir, "XDG_CACHE_HOME="+dir)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 1 ||
			!strings.Contains(string(out), "apt-get install redis-server") {
			t.Errorf("%s: status %d, %v\n%s", command, code, err, out)
		}
	}
}

func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	p, out, dir := embeddedCommand(t, "demo", "--live", "1m")
	time.Sleep(4 * time.Second)
	began := time.Now()
	p.stop(syscall.SIGINT)
	if code := p.ProcessState.ExitCode(); code != 1 || !strings.Contains(p.log.String(), "nothing is left behind") {
		t.Errorf("status %d after Ctrl-C\n%s%s", code, out, p.log)
	}
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("it took %s to end", took)
	}
	wantNothingLeft(t, dir)
}

// reachable lets PostgreSQL's user through to its own folder.
func reachable(t *testing.T, dir string) {
	t.Helper()
	for path := dir; len(path) > len(os.TempDir()); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
