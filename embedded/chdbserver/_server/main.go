// Command chdbserver is a small ClickHouse server of today's version: libchdb, which is ClickHouse as a shared library,
// behind ClickHouse's HTTP interface. Package embedded starts it where no such ClickHouse is installed.
//
// It is a program of its own because the library takes a process for itself, and because a program that loads libraries
// is linked dynamically, which chferry is not.
//
// It listens on loopback only, and wants a password: its SQL can read every file that its user can.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	opts, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := serve(ctx, opts, log); err != nil {
		log.Error("chdbserver failed", "error", err)
		os.Exit(1)
	}
}
