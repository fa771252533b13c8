// Command prepare builds and downloads into the user's cache what the tests' servers need and the
// machine lacks, so that no test's time limit has to have room for it: the Temporal CLI, and
// ClickHouse as a library with its server. What the environment names another server for is left
// out.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/chferry/chferry/embedded"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := prepare(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func prepare(ctx context.Context) error {
	if os.Getenv("CHFERRY_TEST_TEMPORAL") == "" {
		if _, err := embedded.TemporalBinary(ctx, os.Stdout); err != nil {
			return err
		}
	}
	if os.Getenv("CHFERRY_TEST_CLICKHOUSE_MODERN") == "" {
		return embedded.PrepareModernClickHouse(ctx, os.Stdout, nil)
	}
	return nil
}
