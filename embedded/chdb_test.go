package embedded_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry/embedded"
)

// asProgram puts a shell script on a PATH of its own, in front of the folders of a few programs that it needs.
func asProgram(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

// The environment is changed, so these can't run in parallel.

func TestLibraryWithoutNPM(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := embedded.ChdbLibrary(t.Context(), nil, nil)
	wantMissing(t, err, "npm", "install ClickHouse 23.2 or newer")
}

func TestLibraryWithoutNetwork(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	asProgram(t, "npm", "echo npm error code ENOTFOUND >&2; exit 1")
	_, err := embedded.ChdbLibrary(t.Context(), nil, nil)
	wantMissing(t, err, "ENOTFOUND", "install ClickHouse 23.2 or newer")
	wantNothingCached(t)
}

func TestServerWithoutSources(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	_, err := embedded.ChdbServer(t.Context(), nil)
	wantMissing(t, err, "chdbserver", "a checkout of chferry with Go")

	asProgram(t, "chdbserver", "true")
	t.Setenv("PATH", strings.Split(os.Getenv("PATH"), ":")[0])
	got, err := embedded.ChdbServer(t.Context(), nil)
	if err != nil || filepath.Base(got) != "chdbserver" {
		t.Errorf("got %q, %v, want the program on PATH", got, err)
	}
}

// TestOtherLibraryIsRefused has an npm that brings something else under the right name.
func TestOtherLibraryIsRefused(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	files := tar.NewWriter(zipped)
	library := []byte("not what was asked for")
	check(t, files.WriteHeader(&tar.Header{Name: "package/libchdb.so", Mode: 0o644, Size: int64(len(library))}))
	_, err := files.Write(library)
	check(t, err)
	check(t, errors.Join(files.Close(), zipped.Close()))
	tarball := filepath.Join(t.TempDir(), "chdb.tgz")
	check(t, os.WriteFile(tarball, packed.Bytes(), 0o600))
	asProgram(t, "npm", "cp "+tarball+" .")

	var log lockedBuffer
	var mu sync.Mutex
	var last, all int64
	_, err = embedded.ChdbLibrary(t.Context(), &log, func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if done < last {
			t.Errorf("progress went back from %d to %d", last, done)
		}
		last, all = done, total
	})
	if err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("got %v, want the library refused", err)
	}
	if last != all || all == 0 {
		t.Errorf("progress ended at %d of %d", last, all)
	}
	if !strings.Contains(log.String(), "178 MB") {
		t.Errorf("the log does not say what is downloaded: %q", log.String())
	}
	wantNothingCached(t)
}

// TestModernClickHouseIsChosenByVersion has programs that say they are ClickHouse.
func TestModernClickHouseIsChosenByVersion(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for version, chosen := range map[string]bool{
		"18.16.1": false, "23.1.6.42": false, "23.2.1.2537": true, "26.3.1.1 (official build)": true,
	} {
		asProgram(t, "npm", "exit 1")
		script := `[ "$2" = --version ] || { echo no more than a version >&2; exit 1; }; ` +
			`echo "ClickHouse server version ` + version + `."`
		dir := strings.Split(os.Getenv("PATH"), ":")[0]
		check(t, os.WriteFile(filepath.Join(dir, "clickhouse"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
		s, err := embedded.StartModernClickHouse(t.Context(), embedded.Options{})
		if err == nil {
			_ = s.Stop(context.Background())
			t.Fatalf("%s started", version)
		}
		if got := strings.Contains(err.Error(), "no more than a version"); got != chosen {
			t.Errorf("%s: got %v, want it started: %v", version, err, chosen)
		}
		if err := embedded.PrepareModernClickHouse(t.Context(), nil, nil); (err == nil) != chosen {
			t.Errorf("%s: preparing: got %v, want nothing to do: %v", version, err, chosen)
		}
	}
}

// TestServerIsBuiltOnce has two at once that need it.
func TestServerIsBuiltOnce(t *testing.T) {
	goCache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	check(t, err)
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache))) // it takes minutes to fill
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var log lockedBuffer
	var paths [2]string
	var running sync.WaitGroup
	for i := range paths {
		running.Go(func() {
			path, err := embedded.ChdbServer(t.Context(), &log)
			if err != nil {
				t.Error(err)
			}
			paths[i] = path
		})
	}
	running.Wait()
	if paths[0] != paths[1] || !strings.HasPrefix(paths[0], os.Getenv("XDG_CACHE_HOME")) {
		t.Errorf("got %q, want one path in the cache", paths)
	}
	if got := strings.Count(log.String(), "building"); got != 1 {
		t.Errorf("built %d times: %s", got, log.String())
	}
	left, err := filepath.Glob(paths[0] + "*")
	check(t, err)
	if want := []string{paths[0], paths[0] + ".lock"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

// TestChdbHasAPassword asks without it and with another.
func TestChdbHasAPassword(t *testing.T) {
	t.Parallel()
	s, err := embedded.StartChdb(t.Context(), embedded.Options{NoSync: true})
	check(t, err)
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	options, err := clickhouse.ParseDSN(s.URL)
	check(t, err)
	if len(options.Auth.Password) < 20 {
		t.Errorf("the password has %d letters", len(options.Auth.Password))
	}
	line, err := os.ReadFile("/proc/" + strconv.Itoa(s.Pid()) + "/cmdline")
	check(t, err)
	if strings.Contains(string(line), options.Auth.Password) || strings.Contains(s.String(), options.Auth.Password) {
		t.Error("the password can be read by others")
	}
}

func wantMissing(t *testing.T, err error, words ...string) {
	t.Helper()
	var missing *embedded.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("got %v, want a MissingError", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("got %q, which lacks %q", err, word)
		}
	}
}

// wantNothingCached allows for the files that are locked alone.
func wantNothingCached(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "chferry", "*"))
	check(t, err)
	for _, path := range left {
		if !strings.HasSuffix(path, ".lock") {
			t.Errorf("%s was left", path)
		}
	}
}
