// Package api is the HTTP side of chferry: applications in any language register operations with it, and people and
// their tools see and steer what is synced. docs/api.md describes it for them.
//
// Registering needs the storage alone; only the routes that steer schedules need Temporal.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/serve"
	"github.com/chferry/chferry/storage"
)

// How long other servers may take to answer. A client that gets 503 may ask again.
const (
	storageTimeout  = 5 * time.Second
	temporalTimeout = 5 * time.Second
)

// Administrator is the part of a storage that tells and drops what is kept.
type Administrator interface {
	StatusReader
	RangesReader
	storage.FailedOperations
	storage.Requests
	DifferenceReader
	Flush(ctx context.Context, keys ...chferry.ImportKey) error
}

// Schedules is what the API asks of Temporal. Its errors have [chferry.CodeUnavailable] when Temporal does not answer.
type Schedules interface {
	ScheduleReader
	// Trigger asks for one sync, after the one that may be running.
	Trigger(ctx context.Context, key chferry.ImportKey) error
	// Pause stops the schedule, Resume lets it go on; note says who did it and why.
	Pause(ctx context.Context, key chferry.ImportKey, note string) error
	Resume(ctx context.Context, key chferry.ImportKey, note string) error
	// Check returns nil if Temporal answers.
	Check(ctx context.Context) error
}

// Options are what the API is made of. Those without a default are required.
type Options struct {
	Imports       chferry.Imports
	Registrar     storage.Registrar
	Administrator Administrator
	Schedules     Schedules
	Backfills     Backfills
	Verifies      Verifies
	// Tokens are the bearer tokens that are accepted; none means that every request is, so that the
	// API must listen on a loopback address.
	Tokens []string
	// Metrics serves /metrics; nil leaves the route out.
	Metrics http.Handler
	// Log gets a line per request at debug level; nil means none.
	Log *slog.Logger
	// Now is the clock that ages are measured with; nil means time.Now.
	Now func() time.Time
}

// New returns the API's handler.
func New(opts Options) http.Handler { return newServer(opts).handler() }

func newServer(opts Options) *server {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &server{
		Options: opts, guard: newGuard(opts.Tokens),
		bodies: newBudget(maxBodies), requests: newBudget(maxRequests),
	}
}

func (s *server) handler() http.Handler { return s.logged(s.recovered(s.mux())) }

// Serve serves handler on listen, a host and port, until ctx ends, and then lets requests that are
// running finish. started, unless nil, is told the address once it is listened on. An address that
// can't be used gives [chferry.CodeConfiguration].
func Serve(ctx context.Context, listen string, handler http.Handler, started func(address string)) error {
	return serve.HTTP(ctx, listen, handler, started)
}

type server struct {
	Options
	guard *guard
	// bodies are the bytes, requests the number of requests that may still come in.
	bodies, requests *budget
	probe            probe
}
