package demo

import (
	"context"
	"path/filepath"
	"time"

	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/embedded"
)

// StackOptions are what a stack is told.
type StackOptions struct {
	// Dir is the folder for all data, the configuration and the logs.
	Dir string
	// Program is the chferry binary.
	Program string
	// Say is told what happens: a word and what it is about.
	Say func(word, format string, args ...any)
	// Download is told how far the download of ClickHouse is, in bytes, should one be needed; nil: nobody is.
	Download func(done, total int64)
	// Logs keeps what API and worker log in api.log and worker.log; else only their last lines are kept, for errors.
	Logs bool
	// Existing is the configuration that an earlier stack left in Dir, whose ports are used again; nil: there is none.
	Existing *config.Config
	// Hide is a line of the commands' output that does not hold for this stack, which starts its own worker and API.
	Hide string
	// Demo says where each server is as soon as the server is up, and does not force data to disk.
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
	programConfig string         // the file that API and worker are started with
	ports         map[string]int // by server; absent: a free one
	webPort       int            // of Temporal's web interface; 0: a free one
	about         map[string]string
	servers       []startedServer
	stops         []func(context.Context)
}

// startedServer is a server with the word that people read.
type startedServer struct {
	word string
	*embedded.Server
}

// stopTimeout bounds the end of the whole stack.
const stopTimeout = 30 * time.Second

// Start starts the servers. Each is a process of its own that ends with this one, however this one ends.
func Start(ctx context.Context, opts StackOptions) (*Stack, error) {
	s := &Stack{opts: opts, about: map[string]string{}, programConfig: filepath.Join(opts.Dir, configFile)}
	s.usePorts(ctx, opts.Existing)
	// Redis comes first: where it is missing, nobody should wait for the others to be built or
	// downloaded before that is said.
	for _, start := range []func(context.Context) error{
		s.startRedis, s.startTemporal, s.startClickHouse, s.startSource, s.configure,
	} {
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
	s.stopPrograms(ctx)
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i](ctx)
	}
}

// AuditURL is where the Temporal UI lists all syncs that did something.
func (s *Stack) AuditURL() string {
	return s.TemporalWeb + "/namespaces/default/workflows?query=ChferryOutcome%20!%3D%20%22idle%22"
}

// addresses says where everything is: each server once, with what the server is.
func (s *Stack) addresses(say func(word, format string, args ...any)) {
	for _, line := range []struct{ word, address string }{
		{"temporal ui", s.TemporalWeb},
		{"temporal", s.temporal.Addr},
		{"redis", s.RedisURL},
		{"clickhouse", s.ClickHouseURL},
		{"source", s.SourceURL},
		{"api", "http://" + s.APIAddress},
		{"config", s.ConfigFile()},
	} {
		if about := s.about[line.word]; about != "" {
			line.address += "  (" + about + ")"
		}
		say(line.word, "%s", line.address)
	}
}
