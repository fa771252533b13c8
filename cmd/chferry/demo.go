package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/demo"
)

func (a *app) demoCommand() *cobra.Command {
	opts := demo.Options{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job once on an embedded stack, and kill a worker",
		Long: `Start Temporal, Redis, ClickHouse and a source database on this machine, without Docker
and without root; fill a shop, change it while syncs run, kill a worker in the middle;
then compare the shop with ClickHouse row by row. The exit status is 0 only if they
are equal. Nothing is left behind.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), opts) },
	}
	cmd.Flags().IntVar(&opts.Rows, "rows", 100_000, "rows of the shop at first")
	cmd.Flags().DurationVar(&opts.Live, "live", 10*time.Second, "how long the shop is changed while syncs run")
	cmd.Flags().BoolVar(&opts.Keep, "keep", false, "keep everything up at the end, until Ctrl-C")
	return cmd
}

var errDifferent = errors.New("ClickHouse does not equal the source")

func (a *app) demo(ctx context.Context, opts demo.Options) error {
	if opts.Rows < 100 || opts.Live < time.Second {
		return usageError{errors.New("--rows must be at least 100 and --live at least 1s")}
	}
	var err error
	if opts.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("find the program itself: %w", err)
	}
	opts.Out, opts.Terminal, opts.Hide = raw(a.out), isTerminal(a.out), restartLine
	equal, err := demo.Run(ctx, opts)
	switch {
	case ctx.Err() != nil:
		return chferry.Errorf(chferry.CodeUnknown, "interrupted; nothing is left behind")
	case err == nil && !equal:
		return errDifferent
	default:
		return err
	}
}

func isTerminal(out io.Writer) bool {
	file, ok := raw(out).(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
