// Command bench measures what docs/benchmarks.md shows, on servers that it starts itself. Machines
// differ and are shared, so each figure is measured next to a base in the same run, five times in
// turn, and the medians and their ratio count.
//
//	go run ./internal/bench [storage] [api] [sync] [tables] [damages] [temporal] [nudges]
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// rounds is how often each figure is measured.
const rounds = 5

// suite is one table of the page.
type suite struct {
	name string
	run  func(ctx context.Context, out io.Writer) error
}

var suites = []suite{
	{"storage", benchStorage},
	{"api", benchAPI},
	{"sync", benchSync},
	{"tables", benchTables},
	{"damages", benchDamages},
	{"temporal", benchTemporal},
	{"nudges", benchNudges},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string, out io.Writer) error {
	if len(names) == 2 && names[0] == bareCommand {
		return bareWorker(ctx, names[1])
	}
	for _, name := range names {
		if !slices.ContainsFunc(suites, func(s suite) bool { return s.name == name }) {
			return fmt.Errorf("there is no benchmark %q", name)
		}
	}
	for _, s := range suites {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		if err := s.run(ctx, out); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
