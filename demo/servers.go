package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/embedded"
)

// The servers, by the words that people read and the folders of their data.
const (
	temporal   = "temporal"
	redis      = "redis"
	clickhouse = "clickhouse"
	source     = "source"
	postgres   = "postgres" // the source's folder
)

// webFile holds the address of Temporal's web interface, so that the next start uses the same.
const webFile = "temporal-ui"

// server keeps a server to be stopped, and what the server is.
func (s *Stack) server(word, about string, server *embedded.Server, err error) (*embedded.Server, error) {
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err,
			"%s can't listen on port %d, which %s names: another program uses the port. "+
				"End that program, or write another port into the file", word, s.ports[word], s.ConfigFile())
	}
	if err != nil {
		return nil, err
	}
	s.servers = append(s.servers, startedServer{word, server})
	s.stops = append(s.stops, func(ctx context.Context) { _ = server.Stop(ctx) }) // it is gone in any case
	s.about[word] = about + ", " + server.Binary
	if s.opts.Demo {
		s.opts.Say(word, "%s  (%s)", server.Addr, s.about[word])
	}
	return server, nil
}

func (s *Stack) options(word, folder string) embedded.Options {
	return embedded.Options{Dir: filepath.Join(s.opts.Dir, folder), NoSync: s.opts.Demo, Port: s.ports[word]}
}

// usePorts takes the ports of an earlier stack's configuration, which a user may have added to.
func (s *Stack) usePorts(ctx context.Context, existing *config.Config) {
	s.ports = map[string]int{}
	if existing == nil {
		return
	}
	for word, address := range map[string]string{
		temporal: existing.Temporal.Address, redis: existing.Redis.URL, clickhouse: existing.ClickHouse.URL,
		source: existing.Databases["default"].URL,
	} {
		s.ports[word] = port(address)
	}
	s.APIAddress = existing.API.Listen
	if text, err := os.ReadFile(s.webFile()); err == nil {
		s.webPort = port(strings.TrimSpace(string(text)))
	}
	if s.webPort != 0 && !free(ctx, s.webPort) {
		s.opts.Say("temporal ui", "another program uses port %d: the UI gets another address", s.webPort)
		s.webPort = 0
	}
}

// port is the port of a URL or of host:port; 0: there is none.
func port(address string) int {
	if u, err := url.Parse(address); err == nil && u.Port() != "" {
		address = u.Host
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	number, _ := strconv.Atoi(text) // not a number: 0
	return number
}

func (s *Stack) webFile() string { return filepath.Join(s.opts.Dir, webFile) }

func (s *Stack) startTemporal(ctx context.Context) error {
	// Said before it is done: it may take minutes.
	if _, err := embedded.TemporalBinary(ctx, &notice{say: s.opts.Say, word: temporal}); err != nil {
		return err
	}
	opts := s.options(temporal, temporal)
	opts.WebUI, opts.WebPort = true, s.webPort
	server, err := embedded.StartTemporal(ctx, opts)
	if s.temporal, err = s.server(temporal, "development server", server, err); err != nil {
		return err
	}
	s.TemporalWeb = s.temporal.WebURL
	if s.opts.Demo {
		s.opts.Say("temporal ui", "%s", s.TemporalWeb)
	}
	if err := os.WriteFile(s.webFile(), []byte(s.TemporalWeb+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep the address of Temporal's web interface: %w", err)
	}
	return nil
}

func (s *Stack) startRedis(ctx context.Context) error {
	server, err := embedded.StartRedis(ctx, s.options(redis, redis))
	if server, err = s.server(redis, "keeps the operations", server, err); err != nil {
		return err
	}
	s.RedisURL = server.URL
	return nil
}

func (s *Stack) startClickHouse(ctx context.Context) error {
	if err := embedded.PrepareModernClickHouse(ctx, &notice{say: s.opts.Say, word: clickhouse},
		s.opts.Download); err != nil {
		return err
	}
	server, err := embedded.StartModernClickHouse(ctx, s.options(clickhouse, clickhouse))
	about := "ClickHouse"
	if err == nil && server.Name != clickhouse {
		about = "ClickHouse as a library behind a small server, docs/embedded.md"
	}
	if server, err = s.server(clickhouse, about, server, err); err != nil {
		return err
	}
	s.ClickHouseURL = server.URL
	return nil
}

func (s *Stack) startSource(ctx context.Context) error {
	server, err := embedded.StartPostgres(ctx, s.options(source, postgres))
	var missing *embedded.MissingError
	if errors.As(err, &missing) {
		file := filepath.Join(s.opts.Dir, "shop.db")
		s.SourceName, s.SourceURL = "SQLite", "sqlite:"+file
		s.about[source] = "SQLite, because there is no PostgreSQL server"
		if s.opts.Demo {
			s.opts.Say(source, "%s  (%s)", file, s.about[source])
		}
		return s.createFile(file)
	}
	s.SourceName = "PostgreSQL"
	if server, err = s.server(source, s.SourceName, server, err); err != nil {
		return err
	}
	s.SourceURL = server.URL
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
