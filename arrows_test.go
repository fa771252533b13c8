package chferry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/chferry/chferry"

// arrows says which packages of this module each package may import, in files that are not tests.
// Arrows run one way: cmd → worker, starter, api → workflows → activities → transfer → storage,
// source, sink, engine → rowset → the root. A driver imports its parent, rowset and the root, never
// another driver; only cmd/chferry knows which drivers there are.
var arrows = map[string][]string{
	".":      {},
	"rowset": {"."},
	"engine": {".", "rowset"},

	"storage":             {"."},
	"storage/aftercommit": {".", "storage"},
	"storage/redis":       {".", "storage"},
	"storage/storagetest": {".", "storage"},
	"source":              {".", "rowset"},
	"source/postgres":     {".", "rowset", "source"},
	"source/sourcetest":   {".", "rowset", "source"},
	"source/sqlite":       {".", "rowset", "source"},
	"sink":                {".", "rowset", "engine"},
	"sink/clickhouse":     {".", "rowset", "engine", "sink"},
	"sink/sinktest":       {".", "rowset", "engine", "sink"},

	"transfer":   {".", "rowset", "storage", "source", "sink", "engine"},
	"activities": {".", "storage", "transfer", "sink"},
	"workflows":  {".", "storage", "activities"},
	"worker":     {".", "activities", "workflows"},
	"starter":    {".", "storage", "activities", "workflows"},
	"nudge":      {".", "storage"},

	"config":           {".", "engine"},
	"api":              {".", "storage", "internal/serve"},
	"metrics":          {".", "internal/serve"},
	"metrics/temporal": {},
	"internal/serve":   {"."},

	"demo": {".", "config", "embedded"},

	"embedded":                 {},
	"internal/testenv":         {"embedded"},
	"internal/testenv/prepare": {"embedded"},
	"internal/bench": {
		"activities", ".", "api", "embedded", "metrics", "starter", "storage", "storage/redis",
		"workflows",
	},

	"embedded/chdbserver": {}, // the tests of a program with a module of its own

	"cmd/chferry": {
		".", "activities", "api", "config", "demo", "metrics", "metrics/temporal", "nudge", "rowset", "starter",
		"transfer", "worker", "workflows",
		"storage", "storage/redis", "source", "source/postgres", "source/sqlite", "sink", "sink/clickhouse",
	},
}

// foreign names the dependencies that a package and all that it imports must do without, by the
// beginning of their paths.
var foreign = map[string][]string{
	// An application embeds the storage to register operations: it must not get a workflow engine
	// or a database driver with it.
	"storage/redis": {"go.temporal.io/", "github.com/ClickHouse/", "github.com/prometheus/", "github.com/jackc/"},
	// It stands between an application and the application's own driver, whichever that is.
	"storage/aftercommit": {"go.temporal.io/", "github.com/", "golang.org/", "google.golang.org/"},
	// It is told of Temporal by whoever starts it.
	"nudge": {"go.temporal.io/", "github.com/"},
	// The words are everybody's.
	".":      {"go.temporal.io/", "github.com/", "golang.org/"},
	"rowset": {"go.temporal.io/", "github.com/", "golang.org/"},
	// Rows can be moved without a workflow engine.
	"transfer": {"go.temporal.io/", "github.com/ClickHouse/", "github.com/redis/", "github.com/jackc/"},
	// What workflows import is replayed: nothing there may reach a server.
	"workflows": {"github.com/redis/", "github.com/ClickHouse/", "github.com/jackc/"},
	// The program carries no stand-in for a server, and is linked statically: it loads no library.
	"cmd/chferry": {"github.com/alicebob/", "github.com/ebitengine/"},
	// A source knows nothing of where its rows go, nor a sink of where they come from.
	"source/postgres": {"go.temporal.io/", "github.com/ClickHouse/", "github.com/redis/"},
	"source/sqlite":   {"go.temporal.io/", "github.com/ClickHouse/", "github.com/redis/", "github.com/jackc/"},
	"sink/clickhouse": {"go.temporal.io/", "github.com/jackc/", "github.com/redis/"},
}

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// list returns the packages of this module by their folders.
func list(t *testing.T) map[string]goPackage {
	t.Helper()
	var errOut bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, &errOut)
	}
	packages := map[string]goPackage{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatalf("read what go list says: %v", err)
		}
		packages[folder(p.ImportPath)] = p
	}
}

// folder returns the folder of a package of this module, "" for other packages.
func folder(path string) string {
	if path == module {
		return "."
	}
	dir, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return ""
	}
	return dir
}

func TestArrows(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for dir, p := range packages {
		allowed, known := arrows[dir]
		if !known {
			t.Errorf("package %s is not in the table arrows: add it there, with the packages that it may import", dir)
			continue
		}
		for _, path := range p.Imports {
			if to := folder(path); to != "" && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s, which the table arrows does not allow: move the code, or, if the arrow is "+
					"right, add it there", dir, to)
			}
		}
	}
	for dir := range arrows {
		if _, ok := packages[dir]; !ok {
			t.Errorf("package %s of the table arrows does not exist: take it out", dir)
		}
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for dir, prefixes := range foreign {
		p, ok := packages[dir]
		if !ok {
			t.Errorf("package %s of the table foreign does not exist: take it out", dir)
		}
		for _, path := range p.Deps {
			isForeign := func(prefix string) bool { return folder(path) == "" && strings.HasPrefix(path, prefix) }
			if slices.ContainsFunc(prefixes, isForeign) {
				t.Errorf("%s depends on %s, which it must do without: see `go list -deps` and the table foreign", dir,
					path)
			}
		}
	}
}

// TestDrivers holds what the table could be made to forget.
func TestDrivers(t *testing.T) {
	t.Parallel()
	for dir := range arrows {
		parent, _, isDriver := strings.Cut(dir, "/")
		if !isDriver || !slices.Contains([]string{"storage", "source", "sink"}, parent) {
			continue
		}
		for _, to := range arrows[dir] {
			if !slices.Contains([]string{".", "rowset", "engine", parent}, to) {
				t.Errorf("the table arrows lets driver %s import %s: only its parent, the engines, rowset and the root",
					dir, to)
			}
		}
	}
}
