package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// TemporalVersion is the version of the Temporal CLI that is built when none is installed: that of tools/go.mod.
	TemporalVersion = "v1.5.1"

	temporalPackage = "github.com/temporalio/cli/cmd/temporal"
	temporalRemedy  = "install the Temporal CLI as `temporal` on PATH, or run this from a checkout of chferry with Go"

	lockPause = 200 * time.Millisecond
)

// TemporalBinary finds the Temporal CLI: on PATH, else in the user's cache folder, else it builds it there from this
// module's tools, which takes minutes once and is said on log (nil: nowhere). Processes that need it at the same
// time wait for one of them to build it. When it can't be built, the error is a *MissingError.
func TemporalBinary(ctx context.Context, log io.Writer) (string, error) {
	if path, found := findProgram("temporal"); found {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("temporal: find the cache folder: %w", err)
	}
	dir := filepath.Join(cache, "chferry")
	name := "temporal-" + TemporalVersion
	if path, found := findProgram(filepath.Join(dir, name)); found {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("temporal: %w", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, name+".lock"))
	if err != nil {
		return "", fmt.Errorf("temporal: wait for its build: %w", err)
	}
	defer unlock()
	if path, found := findProgram(filepath.Join(dir, name)); found {
		return path, nil // another process built it while we waited
	}
	return buildTemporal(ctx, filepath.Join(dir, name), log)
}

func buildTemporal(ctx context.Context, path string, log io.Writer) (string, error) {
	tools, err := toolsDir(ctx)
	if err != nil {
		return "", err
	}
	if log != nil {
		_, _ = fmt.Fprintf(log, "building the Temporal CLI %s into %s; this takes minutes, once\n", TemporalVersion, path)
	}
	// Built under another name: a build that is killed leaves nothing that looks finished.
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	defer func() { _ = os.Remove(fresh) }()
	cmd := exec.CommandContext(ctx, "go", "build", "-C", tools, "-mod=readonly", "-o", fresh, temporalPackage)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false")
	output := &logTail{copy: log}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("temporal: build %s: %w; its last lines: %s", TemporalVersion, err, output.lastLines())
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", fmt.Errorf("temporal: %w", err)
	}
	return path, nil
}

// toolsDir finds the module that pins Temporal, from the main module of the working directory.
func toolsDir(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", &MissingError{"temporal", "temporal and no Go to build it", temporalRemedy}
	}
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(output))), "tools")
	pinned, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !bytes.Contains(pinned, []byte(temporalPackage)) {
		return "", &MissingError{"temporal", "temporal", temporalRemedy}
	}
	return dir, nil
}

// lockFile takes an exclusive lock, which ends with the process at the latest.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, err
		}
		if !sleep(ctx, lockPause) {
			_ = file.Close()
			return nil, ctx.Err()
		}
	}
}
