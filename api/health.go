package api

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/chferry/chferry"
)

const (
	// readinessTimeout is shorter than what orchestrators give a probe by default.
	readinessTimeout = 900 * time.Millisecond
	// readinessInterval is how long an answer is given again: anybody may ask, and asking must not burden the servers.
	readinessInterval = 200 * time.Millisecond
)

// WriteChecker is an [Administrator] that can tell whether registering would succeed, by writing.
type WriteChecker interface {
	CheckWritable(ctx context.Context) error
}

// getHealth answers as long as the process does, whatever it depends on: restarting it would mend nothing else.
func getHealth(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// dependency is the state of a server that the API needs. The code, and words for it, are all that anybody may know;
// the log has the rest.
type dependency struct {
	OK     bool         `json:"ok"`
	Code   chferry.Code `json:"code,omitempty"`
	Detail string       `json:"detail,omitempty"`
}

// dependencyDetails say what a code means of a server, behind the server's name.
var dependencyDetails = map[chferry.Code]string{
	chferry.CodeUnavailable:   "does not answer, or takes no requests just now",
	chferry.CodeAccessDenied:  "refuses the API's credentials",
	chferry.CodeConfiguration: "is not set up as the API needs it, or the API's configuration leads elsewhere",
}

// readiness is ready when operations can be registered. Temporal is named but does not count: registering works without
// it, and a probe that failed would take the API away from applications.
type readiness struct {
	Ready    bool       `json:"ready"`
	Redis    dependency `json:"redis"`
	Temporal dependency `json:"temporal"`
}

// probe is the newest answer. Its lock is held while the servers are asked, so that one request at a time asks them.
type probe struct {
	mu       sync.Mutex
	at       time.Time
	answer   readiness
	failures map[string]string // what the log says already, by server
}

func (s *server) getReadiness(w http.ResponseWriter, r *http.Request) error {
	out := s.readiness(r.Context())
	status := http.StatusOK
	if !out.Ready {
		status = http.StatusServiceUnavailable
	}
	return writeJSON(w, status, out)
}

// readiness asks the servers, unless they were asked a moment ago.
func (s *server) readiness(ctx context.Context) readiness {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	if now := s.Now(); s.probe.at.IsZero() || now.Sub(s.probe.at) >= readinessInterval {
		s.probe.answer = s.askServers(ctx)
		s.probe.at = s.Now()
	}
	return s.probe.answer
}

// askServers does not end with ctx: others wait for the answer.
func (s *server) askServers(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readinessTimeout)
	defer cancel()
	var steering error
	var asked sync.WaitGroup
	asked.Go(func() { steering = s.Schedules.Check(ctx) })
	registering := s.checkStorage(ctx)
	asked.Wait()
	out := readiness{Redis: s.dependency(ctx, "Redis", registering), Temporal: s.dependency(ctx, "Temporal", steering)}
	out.Ready = out.Redis.OK
	return out
}

// checkStorage returns nil if operations can be registered, as far as the storage can tell.
func (s *server) checkStorage(ctx context.Context) error {
	if checker, ok := s.Administrator.(WriteChecker); ok {
		return checker.CheckWritable(ctx)
	}
	key := chferry.ImportKey("readyz")
	if imports := s.Imports.Imports(); len(imports) > 0 {
		key = imports[0].Key
	}
	_, err := s.Administrator.Status(ctx, key) // any answer will do
	return err
}

// dependency shows of err what is safe to show to anybody, since no token is needed to ask. The log is told once.
func (s *server) dependency(ctx context.Context, name string, err error) dependency {
	server := strings.ToLower(name)
	if err == nil {
		delete(s.probe.failures, server)
		return dependency{OK: true}
	}
	p := problemOf(err)
	if p.Code == "" {
		p.Code = chferry.CodeUnknown
	}
	if told, ok := s.probe.failures[server]; !ok || told != p.Detail {
		if s.probe.failures == nil {
			s.probe.failures = map[string]string{}
		}
		s.probe.failures[server] = p.Detail
		s.Log.WarnContext(ctx, "not ready", "server", server, "code", p.Code, "detail", p.Detail)
	}
	what, ok := dependencyDetails[p.Code]
	if !ok {
		what = "can't be used"
	}
	return dependency{Code: p.Code, Detail: name + " " + what + ": the API's log says more"}
}
