package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/embedded"
)

// StackOptions are what a stack is told.
type StackOptions struct {
	// Dir is the folder for all data, the configuration and the logs.
	Dir string
	// Program is the chferry binary.
	Program string
	// Say is told of each choice: a word and what it is.
	Say func(word, format string, args ...any)
	// Download is told how far the download of ClickHouse is, in bytes, should one be needed; nil: nobody is.
	Download func(done, total int64)
	// Log gets what API and worker log; nil: only their last lines are kept, for errors.
	Log io.Writer
	// Existing is the configuration that an earlier stack left in Dir, whose ports are used again; nil: there is none.
	Existing *config.Config
	// Demo allows a Redis within this process where redis-server is missing. It keeps nothing on disk.
	Demo bool
}

// Stack is everything that chferry works with, on this machine, and chferry itself.
type Stack struct {
	opts          StackOptions
	SourceName    string // "PostgreSQL" or "SQLite"
	SourceURL     string
	ClickHouseURL string
	RedisURL      string
	TemporalWeb   string
	APIAddress    string
	Worker        *embedded.Program
	api           *embedded.Program
	temporal      *embedded.Server
	ports         map[string]int // by server; absent: a free one
	stops         []func(context.Context)
}

// stopTimeout bounds the end of the whole stack.
const stopTimeout = 30 * time.Second

// Start starts the servers. Each is a process of its own that ends with this one, however this one ends.
func Start(ctx context.Context, opts StackOptions) (*Stack, error) {
	s := &Stack{opts: opts}
	s.usePorts(opts.Existing)
	for _, start := range []func(context.Context) error{s.startTemporal, s.startRedis, s.startClickHouse, s.startSource, s.configure} {
		if err := start(ctx); err != nil {
			s.Stop(ctx)
			return nil, err
		}
	}
	return s, nil
}

// Stop ends everything, the last started first, also when the context has ended.
func (s *Stack) Stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, p := range []*embedded.Program{s.Worker, s.api} {
		if p != nil {
			p.Stop(ctx)
		}
	}
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i](ctx)
	}
}

// server keeps a server to be stopped, and says where it is.
func (s *Stack) server(server *embedded.Server, err error) (*embedded.Server, error) {
	if err != nil {
		return nil, err
	}
	s.stops = append(s.stops, func(ctx context.Context) { _ = server.Stop(ctx) }) // it is gone in any case
	s.opts.Say(server.Name, "%s  (%s)", server.Addr, server.Binary)
	return server, nil
}

func (s *Stack) options(name string) embedded.Options {
	return embedded.Options{Dir: filepath.Join(s.opts.Dir, name), NoSync: s.opts.Demo, Port: s.ports[name]}
}

// usePorts takes the ports of an earlier stack's configuration, which a user may have added to.
func (s *Stack) usePorts(existing *config.Config) {
	s.ports = map[string]int{}
	if existing == nil {
		return
	}
	for name, address := range map[string]string{
		"temporal": existing.Temporal.Address, "redis": existing.Redis.URL, "clickhouse": existing.ClickHouse.URL,
		"postgres": existing.Databases["default"].URL,
	} {
		if u, err := url.Parse(address); err == nil && u.Port() != "" {
			address = u.Host
		}
		if _, port, err := net.SplitHostPort(address); err == nil {
			s.ports[name], _ = strconv.Atoi(port) // not a number: a free one
		}
	}
	s.APIAddress = existing.API.Listen
}

func (s *Stack) startTemporal(ctx context.Context) (err error) {
	// Said before it is done: it may take minutes.
	if _, err := embedded.TemporalBinary(ctx, &notice{say: s.opts.Say, word: "temporal"}); err != nil {
		return err
	}
	opts := s.options("temporal")
	opts.WebUI = true
	if s.temporal, err = s.server(embedded.StartTemporal(ctx, opts)); err != nil {
		return err
	}
	s.TemporalWeb = s.temporal.WebURL
	s.opts.Say("temporal ui", "%s", s.TemporalWeb)
	return nil
}

func (s *Stack) startRedis(ctx context.Context) error {
	server, err := embedded.StartRedis(ctx, s.options("redis"))
	var missing *embedded.MissingError
	if errors.As(err, &missing) && s.opts.Demo {
		return s.startMiniredis()
	}
	if server, err = s.server(server, err); err != nil {
		return err
	}
	s.RedisURL = server.URL
	return nil
}

func (s *Stack) startMiniredis() error {
	server := miniredis.NewMiniRedis()
	if err := server.Start(); err != nil {
		return fmt.Errorf("start miniredis: %w", err)
	}
	s.stops = append(s.stops, func(context.Context) { server.Close() })
	s.RedisURL = "redis://" + server.Addr() + "/0"
	s.opts.Say("redis", "%s  (miniredis in this process, because there is no redis-server: for this demo alone, it keeps nothing)", server.Addr())
	return nil
}

func (s *Stack) startClickHouse(ctx context.Context) error {
	if err := embedded.PrepareModernClickHouse(ctx, &notice{say: s.opts.Say, word: "clickhouse"}, s.opts.Download); err != nil {
		return err
	}
	server, err := s.server(embedded.StartModernClickHouse(ctx, s.options("clickhouse")))
	if err != nil {
		return err
	}
	s.ClickHouseURL = server.URL
	return nil
}

func (s *Stack) startSource(ctx context.Context) error {
	server, err := embedded.StartPostgres(ctx, s.options("postgres"))
	var missing *embedded.MissingError
	if errors.As(err, &missing) {
		file := filepath.Join(s.opts.Dir, "shop.db")
		s.SourceName, s.SourceURL = "SQLite", "sqlite:"+file
		s.opts.Say("source", "SQLite, %s  (because there is no PostgreSQL server)", file)
		return s.createFile(file)
	}
	if server, err = s.server(server, err); err != nil {
		return err
	}
	s.SourceName, s.SourceURL = "PostgreSQL", server.URL
	return nil
}

// createFile makes an empty file, which is a database of SQLite's, unless it exists.
func (s *Stack) createFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create the shop's database: %w", err)
	}
	return file.Close()
}

// configure writes the configuration that a user would write, unless there is one.
func (s *Stack) configure(ctx context.Context) error {
	if s.opts.Existing != nil {
		return nil
	}
	var err error
	if s.APIAddress, err = freeAddress(ctx); err != nil {
		return err
	}
	freshness := "schedule: {every: 10s}\n    sync_on_register: true" // nobody waits for a tick
	if s.opts.Demo {
		freshness = "schedule: {every: 1s}" // ticks are what it shows
	}
	text := fmt.Sprintf(`# Written by chferry. The servers are on this machine and end with the process that started them.
temporal: {address: "%s"}
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

// ConfigFile is the configuration that was written.
func (s *Stack) ConfigFile() string { return filepath.Join(s.opts.Dir, configFile) }

const configFile = "chferry.yaml"

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}

// AuditURL is where the Temporal UI lists all syncs that did something.
func (s *Stack) AuditURL() string {
	return s.TemporalWeb + "/namespaces/default/workflows?query=ChferryOutcome%20!%3D%20%22idle%22"
}

// addresses says where everything is.
func (s *Stack) addresses(say func(word, format string, args ...any)) {
	say("config", "%s", s.ConfigFile())
	say("api", "http://%s", s.APIAddress)
	say("temporal ui", "%s", s.TemporalWeb)
	say("clickhouse", "%s", s.ClickHouseURL)
	say("source", "%s", s.SourceURL)
	say("redis", "%s", s.RedisURL)
}

// notice says the first line that is written to it; what a build prints after that is for its error alone.
type notice struct {
	say  func(word, format string, args ...any)
	word string
	said bool
}

// Write implements io.Writer.
func (n *notice) Write(text []byte) (int, error) {
	if line, _, _ := bytes.Cut(text, []byte("\n")); !n.said {
		n.said = true
		n.say(n.word, "%s", line)
	}
	return len(text), nil
}
