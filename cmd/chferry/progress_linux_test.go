package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal returns both ends of a pseudo terminal: what is written to the second is read from the first.
func terminal(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	reader, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	fd := int(reader.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	writer, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Close() })
	return reader, writer
}

// TestSyncShowsProgress: a bar on a terminal, lines elsewhere, and the result alone on standard
// output. A line is printed each second, so the sync has as many batches as one may.
func TestSyncShowsProgress(t *testing.T) {
	t.Parallel()
	s := setup(t, `
  - {key: NAME-users, table: public.users, primary_key: [id], destination: {table: users},
     batch_size: 5, schedule: {every: 1h}}
`)
	s.must("apply")
	s.start("worker")
	s.exec(`INSERT INTO users SELECT n, 'user', NULL, 1, true, now(), NULL FROM generate_series(1, 500) n`)
	s.must("register", s.key, "update", "--all")
	status, out, lines := s.run("sync", s.key, "--wait")
	if status != 0 || !strings.HasPrefix(out, `{"outcome":"synced","batches":100,`) || strings.Count(out, "\n") != 1 {
		t.Errorf("status %d, standard output %q", status, out)
	}
	for _, word := range []string{": batch ", " operations done, ", " remaining, ", " rows/s\n"} {
		if !strings.Contains(lines, word) {
			t.Errorf("the lines lack %q:\n%s", word, lines)
		}
	}
	if strings.ContainsAny(lines, "\r\x1b") {
		t.Errorf("something is drawn where there is no terminal: %q", lines)
	}

	s.must("register", s.key, "update", "--all")
	reader, writer := terminal(t)
	drawn := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // ends with an error when nobody holds the other end
		drawn <- string(text)
	}()
	cmd := s.command("sync", s.key, "--wait")
	var result bytes.Buffer
	cmd.Stdout, cmd.Stderr = &result, writer
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	bar := <-drawn
	for _, word := range []string{"\r", "%", " done, ", " remaining, ", " rows/s"} {
		if !strings.Contains(bar, word) {
			t.Errorf("the bar lacks %q: %q", word, bar)
		}
	}
	if !strings.HasPrefix(result.String(), `{"outcome":"synced"`) || strings.Count(result.String(), "\n") != 1 {
		t.Errorf("standard output is %q", result.String())
	}
}
