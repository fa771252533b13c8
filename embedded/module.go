package embedded

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// carried are the Go modules from which servers are built: go.mod and go.sum of each, and the
// sources of chdbserver. This binary carries them, so that a build never takes code, versions or
// checksums from the folder in which it was called. The folder _server holds no go.mod, because
// a go:embed takes no file of another module, and its name begins with _, so that the go command does
// not take the sources for packages of this module.
//
//go:embed modules chdbserver/_server/*.go chdbserver/_server/internal/*/*.go
var carried embed.FS

// module is a carried module: modules/NAME.mod, modules/NAME.sum and the Go files in a folder.
type module struct {
	name   string
	folder string // empty: the module has no files of its own
	pack   string // the import path of the program
}

var errNoGo = errors.New("no Go on PATH")

// build builds the module's program to path, within the folder, which is empty and the build's own. It says so on log
// (nil: nowhere).
func (m module) build(ctx context.Context, path, folder string, log io.Writer, env ...string) error {
	command, found := findProgram("go")
	if !found {
		return errNoGo
	}
	sources := filepath.Join(folder, "module")
	if err := m.each(func(name string, text []byte) error {
		file := filepath.Join(sources, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		return os.WriteFile(file, text, 0o600)
	}); err != nil {
		return fmt.Errorf("write its sources: %w", err)
	}
	cmd := exec.CommandContext(ctx, command, "build", "-mod=readonly", "-o", path, m.pack)
	cmd.Dir = sources
	// Flags or a workspace of the environment might build something else than was asked for.
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false", "PWD="+sources), env...)
	cmd.WaitDelay = pipeDelay
	output := &logTail{copy: log}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build it: %w; its last lines: %s", err, output.lastLines())
	}
	return nil
}

// digest names the state of the module: other sources or other versions have another digest.
func (m module) digest() (string, error) {
	sum := sha256.New()
	err := m.each(func(name string, text []byte) error {
		_, err := fmt.Fprintf(sum, "%s\n%d\n%s", name, len(text), text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}

// each calls visit with the files of the module, always in the same order, under the names that a build wants.
func (m module) each(visit func(name string, text []byte) error) error {
	names := map[string]string{"modules/" + m.name + ".mod": "go.mod", "modules/" + m.name + ".sum": "go.sum"}
	return fs.WalkDir(carried, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := names[path]
		if name == "" {
			var own bool
			if name, own = strings.CutPrefix(path, m.folder+"/"); !own || m.folder == "" {
				return nil // another module's
			}
		}
		text, err := carried.ReadFile(path)
		if err != nil {
			return err
		}
		return visit(name, text)
	})
}
