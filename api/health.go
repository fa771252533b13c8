package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/chferry/chferry"
)

// readinessTimeout is shorter than what orchestrators give a probe by default.
const readinessTimeout = 900 * time.Millisecond

// getHealth answers as long as the process does, whatever it depends on: restarting it would mend nothing else.
func getHealth(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// dependency is the state of a server that the API needs.
type dependency struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// readiness is ready when operations can be registered. Temporal is named but does not count: registering works without
// it, and a probe that failed would take the API away from applications.
type readiness struct {
	Ready    bool       `json:"ready"`
	Redis    dependency `json:"redis"`
	Temporal dependency `json:"temporal"`
}

func (s *server) getReadiness(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), readinessTimeout)
	defer cancel()
	var out readiness
	var temporal sync.WaitGroup
	temporal.Go(func() { out.Temporal = dependencyOf(s.Schedules.Check(ctx)) })
	out.Redis = dependencyOf(s.checkStorage(ctx))
	temporal.Wait()
	out.Ready = out.Redis.OK
	status := http.StatusOK
	if !out.Ready {
		status = http.StatusServiceUnavailable
	}
	return writeJSON(w, status, out)
}

// checkStorage asks for one import key: any answer will do.
func (s *server) checkStorage(ctx context.Context) error {
	key := chferry.ImportKey("readyz")
	if len(s.Imports) > 0 {
		key = s.Imports[0].Key
	}
	_, err := s.Administrator.Status(ctx, key)
	return err
}

// dependencyOf shows of err only what is safe to show to anybody, since no token is needed to ask.
func dependencyOf(err error) dependency {
	var known *chferry.Error
	switch {
	case err == nil:
		return dependency{OK: true}
	case errors.As(err, &known):
		return dependency{Detail: known.Message}
	case errors.Is(err, context.DeadlineExceeded):
		return dependency{Detail: "does not answer"}
	default:
		return dependency{Detail: "fails"}
	}
}
