package main_test

import (
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/chferry/chferry/internal/testenv"
)

// TestBackfillShowsProgress: a bar of at most 80 columns on a terminal, with rows, pace and time to go, and the result
// in words.
func TestBackfillShowsProgress(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), oneImport)
	s.fill(3_000)
	s.exec(`ANALYZE users`)
	s.must("apply")
	s.start("worker")
	reader, writer := terminal(t)
	drawn := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // ends with an error when nobody holds the other end
		drawn <- string(text)
	}()
	cmd := s.command("backfill", s.key, "--wait", "--rows-per-second", "600")
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	text := <-drawn
	for _, want := range []string{
		`workflow \S+:backfill:\S+\r\n`,
		`[\d,]+ of ~3,000 rows, [\d,]+ rows/s, \ds to go +\d+% \|`,
		`copied: 3,000 rows in \d+\.\d s\r\n`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the terminal lacks %s: %q", want, text)
		}
	}
	for _, line := range regexp.MustCompile(`[\r\n]+`).Split(text, -1) {
		if len([]rune(strings.TrimRight(line, " "))) > 80 && !strings.HasPrefix(line, "workflow ") {
			t.Errorf("a line is wider than 80 columns: %q", line)
		}
	}
	t.Logf("%q", text)
}
