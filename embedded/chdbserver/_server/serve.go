package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
	"github.com/chferry/chferry/embedded/chdbserver/internal/httpserver"
)

const (
	// grace is how long statements may go on after we were asked to stop; then they are killed, which takes a moment.
	grace     = 3 * time.Second
	killGrace = 3 * time.Second
)

// serve runs the server until the context ends.
func serve(ctx context.Context, opts *options, log *slog.Logger) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = listener.Close() }()
	engine, err := startEngine(opts)
	if err != nil {
		return err
	}
	defer engine.Close()
	handler, err := httpserver.New(ctx, engine, opts.password)
	if err != nil {
		return fmt.Errorf("ask the engine for its version: %w", err)
	}

	statements, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return statements },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Info("chdbserver ready", "listen", listener.Addr().String(), "data", opts.data)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		return shutdown(context.WithoutCancel(ctx), server, kill)
	}
}

// shutdown lets statements end, and kills those that take too long.
func shutdown(ctx context.Context, server *http.Server, kill func()) error {
	waiting, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if server.Shutdown(waiting) == nil {
		return nil
	}
	kill()
	killing, cancel := context.WithTimeout(ctx, killGrace)
	defer cancel()
	if err := server.Shutdown(killing); err != nil {
		return fmt.Errorf("stop: a statement goes on: %w", err)
	}
	return nil
}

func startEngine(opts *options) (*chdb.Engine, error) {
	if err := os.MkdirAll(opts.data, 0o750); err != nil { //nolint:gosec // the folder that the user named
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file := filepath.Join(opts.data, "chdbserver.xml")
	config := []byte(engineConfig(!opts.noSync))
	if err := os.WriteFile(file, config, 0o600); err != nil { //nolint:gosec // in that folder
		return nil, fmt.Errorf("write the engine's configuration: %w", err)
	}
	// The engine's own default for implicit_select takes a statement with a slip of the pen for an expression.
	engine, err := chdb.Start(opts.library, "--path="+opts.data, "--config-file="+file, "--implicit_select=0")
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	return engine, nil
}

// engineConfig has the engine write what is inserted to the disk before it answers, or leave that to the system, as
// ClickHouse does unless it is told otherwise.
func engineConfig(sync bool) string {
	value := 0
	if sync {
		value = 1
	}
	return fmt.Sprintf(`<clickhouse>
  <logger><level>none</level></logger>
  <merge_tree>
    <fsync_after_insert>%[1]d</fsync_after_insert>
    <fsync_part_directory>%[1]d</fsync_part_directory>
  </merge_tree>
</clickhouse>
`, value)
}
