package main_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestScripts are command lines that need no server. A script has, besides testscript's own, the command
//
//	exits STATUS chferry ARGUMENT…
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			bin := filepath.Join(env.WorkDir, "bin")
			if err := os.Mkdir(bin, 0o700); err != nil {
				return err
			}
			if err := os.Symlink(executable(t), filepath.Join(bin, "chferry")); err != nil {
				return err
			}
			env.Setenv("PATH", bin)
			env.Setenv(asChferry, "1")
			env.Vars = append(env.Vars, atOnce)
			env.Setenv("CLOSED", freeAddress(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// soon is within what every command line that fails must end.
const soon = 8 * time.Second

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGUMENT…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	began := time.Now()
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (&exec.ExitError{}); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	if took := time.Since(began); took > soon {
		ts.Fatalf("it took %s", took)
	}
	if problem := badError(got, ts.ReadFile("stderr")); problem != "" {
		ts.Fatalf("%s", problem)
	}
}

// progress is how a sync or a backfill that is waited for says how it goes.
var progress = regexp.MustCompile(
	`^([A-Za-z]+: batch \d+, \d+ operations done, \d+ remaining|\S+: \d+ of ~\d+ rows.*)\n$`)

// badError says what is wrong with what a command line that ended with a status has written to
// standard error. Beside the log and the progress there is nothing, or, for each mistake, one line
// that begins with the program's name.
func badError(status int, errOut string) string {
	errors := 0
	for line := range strings.Lines(errOut) {
		switch {
		case strings.HasPrefix(line, "chferry: "):
			errors++
		case !strings.HasPrefix(line, "time=") && !progress.MatchString(line):
			return "this is neither an error, the log nor progress: " + line
		}
	}
	if failed := status == 1 || status == 2; failed != (errors > 0) {
		return fmt.Sprintf("the exit status is %d with %d errors: %s", status, errors, errOut)
	}
	return ""
}

// TestHelp compares each verb's help with its golden file; `go test ./cmd/chferry -run TestHelp -update` writes them.
func TestHelp(t *testing.T) {
	t.Parallel()
	s := &stack{t: t, dir: t.TempDir()}
	seen := s.help("chferry")
	files, err := os.ReadDir("testdata/help")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != seen || seen < 11 {
		t.Errorf("testdata/help has %d files for %d helps: remove those of verbs that are no more", len(files), seen)
	}
	if bare := s.must(); bare != s.must("--help") {
		t.Errorf("chferry alone says\n%s\nwant its help", bare)
	}
}

var verbInHelp = regexp.MustCompile(`(?m)^  ([a-z]+) `)

// help looks at the help of a command and of those below it, and returns how many they are.
func (s *stack) help(name string, path ...string) int {
	s.t.Helper()
	text := s.must(append(path, "--help")...)
	golden(s.t, name, text)
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			s.t.Errorf("the help of %s has a line of %d columns: %s", name, n, line)
		}
	}
	seen := 1
	_, list, _ := strings.Cut(text, "Available Commands:")
	list, _, _ = strings.Cut(list, "Flags:")
	for _, verb := range verbInHelp.FindAllStringSubmatch(list, -1) {
		below := append(slices.Clone(path), verb[1])
		seen += s.help(strings.Join(below, "_"), below...)
	}
	return seen
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "help", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: write it with -update", err)
	}
	if got != string(want) {
		t.Errorf("the help of %s is\n%s\nwant\n%s", name, got, want)
	}
}
