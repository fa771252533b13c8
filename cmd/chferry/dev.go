package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry/demo"
)

func (a *app) devCommand() *cobra.Command {
	var opts demo.DevOptions
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Keep an embedded stack, a worker and the API up until Ctrl-C",
		Long: `Start Temporal with its UI, Redis, ClickHouse and a source database on this machine, with
a worker and the API, and keep them up until Ctrl-C. The folder keeps the data, a sample
configuration, chferry.yaml, and the logs of worker and API. A change of chferry.yaml is
applied as soon as the file is saved; what is wrong with it is said and takes no server
away.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.dev(cmd.Context(), opts) },
	}
	cmd.Flags().StringVar(&opts.Dir, "dir", "chferry-dev",
		"`folder` for data and configuration; made if it does not exist")
	cmd.Flags().BoolVar(&opts.NoWorker, "no-worker", false,
		"run no worker, so that you can start and stop your own with chferry worker")
	return cmd
}

func (a *app) dev(ctx context.Context, opts demo.DevOptions) (err error) {
	if opts.Dir, err = filepath.Abs(opts.Dir); err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	if opts.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find the program itself: %w", err)
	}
	opts.Out, opts.Terminal, opts.LookupEnv, opts.Hide = raw(a.out), isTerminal(a.out), a.getenv, restartLine
	return demo.Dev(ctx, opts)
}
