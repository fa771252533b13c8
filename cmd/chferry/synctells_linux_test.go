package main_test

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSyncTells: who waits for a sync is told that no worker is there, and that another sync runs
// already, whose result is told, too; status and its lines on a terminal of 80 columns tell the
// same.
func TestSyncTells(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	key := s.key
	s.must("apply")
	s.must("register", key, "update", "1", "2")
	first := s.start("sync", key, "--wait")
	says := func(p *process, words string) {
		t.Helper()
		s.eventually("sync says "+words, 20*time.Second, func() error {
			if log := p.log.String(); !strings.Contains(log, words) {
				return errors.New(log)
			}
			return nil
		})
	}
	says(first, "waiting: no worker polls task queue \"")
	second := s.start("sync", key, "--wait")
	says(second, "a sync of "+key+" is running: waiting for it, then another one begins\n")
	queue := `no worker polls task queue "`
	if out := s.must("status"); !strings.Contains(out, " (waiting for a worker)") || !strings.Contains(out, queue) {
		t.Errorf("status says %s", out)
	}
	wantLines(t, s.must("check"), "      "+queue)
	shown := s.onTerminal("status")
	for line := range strings.Lines(shown) {
		if len(strings.TrimRight(line, "\r\n")) > 80+len(key)-len("IMPORT KEY") &&
			!strings.HasPrefix(line, "no worker") {
			t.Errorf("a line is wider than 80 columns: %q", line)
		}
	}
	if !strings.Contains(shown, "s ago waiting") {
		t.Errorf("on a terminal status says %s", shown)
	}

	s.start("worker")
	says(second, "the sync that was running ended synced: 2 operations in 1 batch became 0 rows, 2 deletes in ")
	<-first.done
	<-second.done
	if first.ProcessState.ExitCode() != 0 || second.ProcessState.ExitCode() != 0 {
		t.Error("a sync that is waited for ends with another status than 0")
	}
	s.must("register", key, "update", "1")
	if shown := s.onTerminal("sync", key, "--wait"); !strings.Contains(shown,
		"synced: 1 operation in 1 batch became 0 rows, 1 delete in ") {
		t.Errorf("on a terminal sync --wait says %s", shown)
	}
	s.must("register", key, "update", "1")
	if shown := s.onTerminal("sync", key, "--wait", "--json"); !strings.Contains(shown, `{"outcome":"synced"`) {
		t.Errorf("on a terminal sync --wait --json says %s", shown)
	}
	s.must("register", key, "update", "abc", "de f")
	if status, _, errOut := s.run("sync", key, "--wait"); status != 3 {
		t.Errorf("a sync whose operations are set aside ends with %d: %s", status, errOut)
	}
	shown = strings.ReplaceAll(s.onTerminal("failed", "list", key), "\r", "")
	for _, want := range []string{
		`^public\.users: value 1 [^\n]*\n  KIND    PK    DATABASE  ATTEMPTS  FIRST +LAST\n`,
		`\n  update  abc   default   1 +\S+ ago +\S+ ago\n`, `\n  update  de f  default   1 +\S+ ago +\S+ ago\n`,
	} {
		if !regexp.MustCompile(want).MatchString(shown) || strings.Count(shown, "\n") != 4 {
			t.Errorf("on a terminal failed list says %s, want %s", shown, want)
		}
	}
	s.must("failed", "discard", key)
	if shown := s.onTerminal("failed", "list", key); shown != "no operation of "+key+" is set aside\r\n" {
		t.Errorf("on a terminal failed list says %q of nothing", shown)
	}
	s.must("register", key, "update", "abc")
	s.exec(`DROP TABLE users`)
	if status, _, _ := s.run("sync", key, "--wait"); status == 0 {
		t.Error("a sync without its table ends with 0")
	}
	out := s.must("status")
	if !regexp.MustCompile(`(?m)^` + key +
		`: failed \S+ ago: \w+: .*\(failing since .*, 1 attempt\)$`).MatchString(out) {
		t.Errorf("status says %s", out)
	}
}

// TestSyncInterrupted: whoever stops waiting is told that the sync does not stop with it.
func TestSyncInterrupted(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.must("apply")
	waiting := s.start("sync", s.key, "--wait")
	s.eventually("sync waits", 20*time.Second, func() error {
		if log := waiting.log.String(); !strings.Contains(log, "waiting: no worker") {
			return errors.New(log)
		}
		return nil
	})
	waiting.stop(syscall.SIGINT)
	want := "chferry: stopped waiting: the sync of " + s.key +
		" goes on, or begins when a worker takes it: chferry status " + s.key
	if log := waiting.log.String(); !strings.Contains(log, want) || waiting.ProcessState.ExitCode() != 1 {
		t.Errorf("status %d, %s", waiting.ProcessState.ExitCode(), log)
	}
}

// onTerminal runs the binary with a terminal as its standard output and returns what the terminal got.
func (s *stack) onTerminal(args ...string) string {
	s.t.Helper()
	reader, writer := terminal(s.t)
	drawn := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // ends with an error when nobody holds the other end
		drawn <- string(text)
	}()
	cmd := s.command(args...)
	cmd.Stdout = writer
	if err := cmd.Run(); err != nil {
		s.t.Error(err)
	}
	if err := writer.Close(); err != nil {
		s.t.Fatal(err)
	}
	return <-drawn
}
