package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/chferry/chferry/config"
)

// DevOptions are what a development stack is told.
type DevOptions struct {
	// Dir keeps the data and the configuration, from one start to the next.
	Dir string
	// Program is the chferry binary that runs as API and worker.
	Program  string
	Out      io.Writer
	Log      io.Writer // gets the logs of API and worker
	Terminal bool
	// LookupEnv finds the variables of a configuration that exists.
	LookupEnv func(string) (string, bool)
}

// Dev keeps a stack with worker and API up until the context ends. A configuration that the folder has already stays as
// it is, and the servers get its ports.
func Dev(ctx context.Context, opts DevOptions) error {
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	existing, err := existingConfig(filepath.Join(opts.Dir, configFile), opts.LookupEnv)
	if err != nil {
		return err
	}
	s := &show{out: opts.Out, terminal: opts.Terminal}
	stack, err := Start(ctx, StackOptions{Dir: opts.Dir, Program: opts.Program, Say: s.line, Download: s.download(), Log: opts.Log, Existing: existing})
	if err != nil {
		return err
	}
	defer stack.Stop(ctx)
	shop, err := openShop(ctx, stack)
	if err != nil {
		return err
	}
	shop.close()
	out, err := stack.Command(ctx, "apply")
	if err != nil {
		return err
	}
	s.lines(out)
	if err := stack.StartAPI(ctx); err != nil {
		return err
	}
	if err := stack.StartWorker(ctx); err != nil {
		return err
	}
	s.title("Up. Ctrl-C ends it; %s keeps the data.", opts.Dir)
	stack.addresses(s.line)
	select {
	case <-ctx.Done():
		return nil
	case <-stack.Worker.Done():
		return fmt.Errorf("the worker ended: %s", stack.Worker.LastLines())
	case <-stack.api.Done():
		return fmt.Errorf("the API ended: %s", stack.api.LastLines())
	}
}

// existingConfig reads a configuration; nil if there is none.
func existingConfig(path string, lookupEnv func(string) (string, bool)) (*config.Config, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return config.Load(path, lookupEnv)
}
