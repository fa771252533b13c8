package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const chdbServerPackage = "github.com/chferry/chferry/embedded/chdbserver"

// ChdbServer finds the program chdbserver: it is built from the sources of the module of the working directory into the
// user's cache folder, once for each state of them, which takes seconds and is said on log (nil: nowhere). Without
// sources or Go, it is looked for on PATH, where `go install` puts it. When there is none, the error is a *MissingError.
func ChdbServer(ctx context.Context, log io.Writer) (string, error) {
	state, err := chdbServerSources(ctx)
	if err != nil {
		return "", err
	}
	if state == "" {
		if path, found := findProgram(chdbName + "server"); found {
			return path, nil
		}
		return "", &MissingError{
			chdbName, "chdbserver and no sources with Go to build it",
			"run this from a checkout of chferry with Go, or " + chdbRemedy,
		}
	}
	path, err := cached(ctx, "chdbserver-"+state, func(ctx context.Context, fresh, _ string) error {
		return buildChdbServer(ctx, fresh, log)
	})
	if err != nil {
		return "", fmt.Errorf("chdbserver: %w", err)
	}
	return path, nil
}

func buildChdbServer(ctx context.Context, path string, log io.Writer) error {
	if log != nil {
		_, _ = fmt.Fprintln(log, "building chdbserver, once")
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-o", path, chdbServerPackage)
	// No C compiler is needed. Flags of the environment might build something else than was asked for.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	cmd.WaitDelay = pipeDelay
	output := &logTail{copy: log}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build it: %w; its last lines: %s", err, output.lastLines())
	}
	return nil
}

// chdbServerSources returns a digest of the program's sources and of the versions of what it is built with, or nothing
// if there are no sources or no Go.
func chdbServerSources(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}\n{{.Module.GoMod}}", chdbServerPackage)
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false") // nor does git have to trust the checkout
	output, err := cmd.Output()
	if err != nil {
		return "", ctx.Err()
	}
	dir, module, _ := strings.Cut(strings.TrimSpace(string(output)), "\n")
	digest := sha256.New()
	add := func(path string) error {
		text, err := os.ReadFile(path)
		_, _ = fmt.Fprintf(digest, "%d\n%s", len(text), text)
		return err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || entry.IsDir() {
			return err
		}
		return add(path)
	})
	if err == nil {
		err = add(module)
	}
	if err != nil {
		return "", fmt.Errorf("chdbserver: read its sources: %w", err)
	}
	return hex.EncodeToString(digest.Sum(nil))[:16], nil
}
