package main_test

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/chferry/chferry/api"
	chferry "github.com/chferry/chferry/cmd/chferry"
	"github.com/chferry/chferry/internal/testenv"
)

// TestBackfillShowsProgress: a bar of at most 80 columns on a terminal, and the result in words.
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
		`[\d,]+ of ~3,000 rows.* \d+% \|`,
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
}

// TestBackfillPace: the bar has rows, pace and time to go, also of very many rows in 80 columns.
func TestBackfillPace(t *testing.T) {
	t.Parallel()
	var drawn bytes.Buffer
	shown := chferry.NewBackfillProgress(&drawn, true)
	status := api.JobStatus{State: api.JobRunning, Ranges: 8, Estimated: 1_000}
	for status.Rows = 0; status.Rows <= 500; status.Rows += 250 {
		shown.Show(status)
	}
	status.Rows, status.Estimated = 1_200_000_000, 10_000_000_000
	shown.Show(status)
	for _, want := range []string{
		`250 of ~1,000 rows, [\d,]+ rows/s, \S+ to go +25% \|`, `500 of ~1,000 rows, [\d,]+ rows/s, \S+ to go +50% \|`,
		`1,200M of ~10,000M rows, [\d,]+ rows/s, .* 12% \|`,
	} {
		if !regexp.MustCompile(want).Match(drawn.Bytes()) {
			t.Errorf("the bar lacks %s: %q", want, &drawn)
		}
	}
	drawn.Reset()
	status.State = api.JobPaused
	shown.Show(status)
	if want := "paused: chferry backfill users --resume lets it go on\n"; !strings.HasSuffix(drawn.String(), want) {
		t.Errorf("a pause is shown as %q", &drawn)
	}
}
