package embedded_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chferry/chferry/embedded"
)

// The environment is changed, so most of these can't run in parallel.

// freshCache has an empty cache for this test, and Go's own, which takes minutes to fill.
func freshCache(t *testing.T) (folder string) {
	t.Helper()
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		check(t, err)
		t.Setenv(name, strings.TrimSpace(string(value)))
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return filepath.Join(os.Getenv("XDG_CACHE_HOME"), "chferry")
}

// hostile is a working directory whose module says that it is chferry, and brings another chdbserver and other modules.
func hostile(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module github.com/chferry/chferry\n\ngo 1.26.0\n",
		"go.work": "go 1.26.0\n\nuse .\n\nreplace github.com/ebitengine/purego => ./embedded\n",
		"tools/go.mod": "module tools\n\ngo 1.26.0\n\nreplace github.com/temporalio/cli => ../embedded\n\ntool " +
			"github.com/temporalio/cli/cmd/temporal\n",
		"embedded/chdbserver/main.go": `package main

func main() { println("hostile") }
`,
	} {
		path := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(text), 0o600))
	}
	t.Chdir(dir)
}

// TestServerIsBuiltFromItsOwnSources: in which folder somebody is decides nothing.
func TestServerIsBuiltFromItsOwnSources(t *testing.T) {
	for name, enter := range map[string]func(*testing.T){
		"no checkout":      func(t *testing.T) { t.Chdir(t.TempDir()) },
		"hostile checkout": hostile,
	} {
		t.Run(name, func(t *testing.T) {
			cache := freshCache(t)
			enter(t)
			path, err := embedded.ChdbServer(t.Context(), nil)
			check(t, err)
			output, err := exec.CommandContext(t.Context(), path).CombinedOutput()
			if err == nil || !strings.Contains(string(output), "library") ||
				strings.Contains(string(output), "hostile") {
				t.Errorf("the program that was built is not chdbserver: %v: %s", err, output)
			}
			info, err := os.Stat(cache)
			check(t, err)
			if got := info.Mode().Perm(); got != 0o700 {
				t.Errorf("the cache folder has permissions %o, want 700", got)
			}

			t.Setenv("PATH", t.TempDir())
			again, err := embedded.ChdbServer(t.Context(), nil)
			if err != nil || again != path {
				t.Errorf("without Go: got %q, %v, want %q from the cache", again, err, path)
			}
		})
	}
}

// TestBuildThatFailsSaysWhatToDo has a Go that can't get at modules.
func TestBuildThatFailsSaysWhatToDo(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	asProgram(t, "go", "echo dial tcp: lookup modules.example >&2; exit 1")
	t.Setenv("PATH", strings.Split(os.Getenv("PATH"), ":")[0])
	_, err := embedded.ChdbServer(t.Context(), nil)
	wantMissing(t, err, "modules.example", "ClickHouse 23.2 or newer")
	_, err = embedded.TemporalBinary(t.Context(), nil)
	wantMissing(t, err, "modules.example", "Temporal CLI")
	wantNothingCached(t)
}

// TestCacheIsClosedToOthers has a folder that others could read, as older versions made it.
func TestCacheIsClosedToOthers(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	cache := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "chferry")
	check(t, os.Mkdir(cache, 0o777))
	check(t, os.Chmod(cache, 0o777))
	_, err := embedded.TemporalBinary(t.Context(), nil)
	wantMissing(t, err, "Temporal CLI")
	info, err := os.Stat(cache)
	check(t, err)
	if got := info.Mode().Perm(); got != 0o700 {
		t.Errorf("the cache folder has permissions %o, want 700", got)
	}
}

// TestCacheThatCantBeUsed: the error names the folder and what names another one, and nothing that would not help.
func TestCacheThatCantBeUsed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	closed := t.TempDir()
	for _, name := range []string{"temporal-" + embedded.TemporalVersion, "libchdb-" + embedded.ChdbVersion + ".so"} {
		check(t, os.MkdirAll(filepath.Join(closed, "chferry", name+".lock"), 0o700)) // no file can be made there
	}
	for cache, want := range map[string]string{
		file: filepath.Join(file, "chferry"), closed: filepath.Join(closed, "chferry"),
		"a/relative/path": "full path", "": "",
	} {
		t.Setenv("XDG_CACHE_HOME", cache)
		t.Setenv("HOME", "")
		_, temporal := embedded.TemporalBinary(t.Context(), nil)
		_, library := embedded.ChdbLibrary(t.Context(), nil, nil)
		for _, err := range []error{temporal, library} {
			var of *embedded.CacheError
			if !errors.As(err, &of) || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), "\n") > 0 ||
				!strings.Contains(err.Error(), "XDG_CACHE_HOME") || strings.Contains(err.Error(), "on PATH") {
				t.Errorf("XDG_CACHE_HOME=%s: got %v, want %q", cache, err, want)
			}
		}
	}
}

// TestCacheOfAnotherUserIsRefused: that user could change the programs in it.
func TestCacheOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can give a folder away")
		return
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	cache := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "chferry")
	check(t, os.Mkdir(cache, 0o700))
	check(t, os.Chown(cache, 12345, 12345))
	_, err := embedded.ChdbLibrary(t.Context(), nil, nil)
	if err == nil || !strings.Contains(err.Error(), cache) || !strings.Contains(err.Error(), "12345") {
		t.Errorf("got %v, want the folder refused by name", err)
	}
}

// TestLibraryIsCheckedAgain: the right one is used, also without its record, and another is not.
func TestLibraryIsCheckedAgain(t *testing.T) {
	library, err := embedded.ChdbLibrary(t.Context(), nil, nil)
	check(t, err)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	copied := filepath.Join(os.Getenv("XDG_CACHE_HOME"), "chferry", filepath.Base(library))
	check(t, os.Mkdir(filepath.Dir(copied), 0o700))
	check(t, os.Symlink(library, copied))
	for range 2 {
		got, err := embedded.ChdbLibrary(t.Context(), nil, nil)
		if err != nil || got != copied {
			t.Fatalf("got %q, %v, want %q", got, err, copied)
		}
	}
	check(t, os.Remove(copied))
	check(t, os.WriteFile(copied, []byte("half a library"), 0o700))
	_, err = embedded.ChdbLibrary(t.Context(), nil, nil)
	wantMissing(t, err, "npm")
}

var requirement = regexp.MustCompile(`(?m)^\t(\S+) (v\S+)( // indirect)?$`)

// TestCarriedModulesAreTheProjects compares the carried modules with this module and its tools:
// what they share has one version.
func TestCarriedModulesAreTheProjects(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(path)
		check(t, err)
		return string(text)
	}
	for carried, origin := range map[string]string{"temporal.mod": "go.mod", "temporal.sum": "go.sum"} {
		if read("modules/"+carried) != read("../tools/"+origin) {
			t.Errorf("cp tools/%s embedded/modules/%s", origin, carried)
		}
	}
	project := read("../go.mod")
	for _, carried := range requirement.FindAllStringSubmatch(read("modules/chdbserver.mod"), -1) {
		other := strings.Contains(project, "\t"+carried[1]+" ") &&
			!strings.Contains(project, "\t"+carried[1]+" "+carried[2])
		if other {
			t.Errorf("embedded/modules/chdbserver.mod has %s %s, go.mod has another version", carried[1], carried[2])
		}
	}
}
