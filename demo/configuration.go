package demo

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/chferry/chferry/embedded"
)

const configFile = "chferry.yaml"

// ConfigFile is the configuration of the stack.
func (s *Stack) ConfigFile() string { return filepath.Join(s.opts.Dir, configFile) }

// configure writes the configuration that a user would write, unless there is one.
func (s *Stack) configure(ctx context.Context) error {
	if s.opts.Existing != nil {
		return nil
	}
	port, err := embedded.FreePort(ctx)
	if err != nil {
		return err
	}
	s.APIAddress = loopback(port)
	head := "# Written by chferry. The servers are on this machine and end with the process that started them.\n"
	freshness := "schedule: {every: 1s}" // a demo shows ticks
	if !s.opts.Demo {
		head = fmt.Sprintf(`# Written by chferry dev, which starts the servers at these addresses.
# The data stay in this folder.
# While chferry dev runs, it applies each change of this file as soon as the file is saved: chferry apply, and a new
# worker and API. A file with a mistake changes nothing, and chferry dev says what the mistake is.
# Temporal's web interface: %s
`, s.TemporalWeb)
		freshness = "schedule: {every: 10s}\n    sync_on_register: true" // nobody waits for a tick
	}
	text := head + fmt.Sprintf(`temporal: {address: "%s"}
redis: {url: "%s"}
clickhouse: {url: "%s"}
databases:
  default: {url: "%s"}
api: {listen: "%s"}
imports:
  - key: users
    table: users
    destination: {table: users}
    %[6]s
  - key: order_lines
    table: order_lines
    destination: {table: order_lines}
    %[6]s
`, s.temporal.Addr, s.RedisURL, s.ClickHouseURL, s.SourceURL, s.APIAddress, freshness)
	if err := os.WriteFile(s.ConfigFile(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// free reports whether nobody listens on a port of this machine.
func free(ctx context.Context, port int) bool {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", loopback(port))
	if err != nil {
		return false
	}
	_ = listener.Close() // nothing was accepted
	return true
}
