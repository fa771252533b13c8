package api

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"time"
)

// recorder remembers the status that a response was given; 0 as long as there is none.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is wrapped.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged logs one line per request. The route is the pattern, so that nothing of the client's own gets into the log.
func (s *server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := &recorder{ResponseWriter: w}
		defer s.logRequest(r, recorded, s.Now())
		next.ServeHTTP(recorded, r)
	})
}

func (s *server) logRequest(r *http.Request, recorded *recorder, start time.Time) {
	s.Log.DebugContext(r.Context(), "request", "method", r.Method, "route", r.Pattern, "status", recorded.status,
		"seconds", s.Now().Sub(start).Round(time.Microsecond).Seconds())
}

// recovered answers a request whose handler panicked with a 500 that says nothing of the panic.
func (s *server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.catch(w, r)
		next.ServeHTTP(w, r)
	})
}

// catch must be deferred itself. The log gets the panic's type and place; its text may hold what must not be logged.
func (s *server) catch(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	s.Log.ErrorContext(r.Context(), "request panicked", "route", r.Pattern, "type", fmt.Sprintf("%T", cause),
		"stack", string(debug.Stack()))
	if recorded, ok := w.(*recorder); ok && recorded.status != 0 {
		panic(http.ErrAbortHandler) // the response has begun: only cutting it off tells the client
	}
	writeProblem(w, problemOf(nil))
}
