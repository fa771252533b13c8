package api

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/chferry/chferry"
)

// handler answers a request or returns the error that [writeProblem] answers it with.
type handler func(http.ResponseWriter, *http.Request) error

// route is one line of the table in docs/api.md.
type route struct {
	method, path string
	open         bool // needs no token
	handle       handler
}

func (s *server) routes() []route {
	routes := []route{
		{http.MethodPost, "/v1/imports/{key}/operations", false, s.forImport(s.registerOperations)},
		{http.MethodDelete, "/v1/imports/{key}/operations", false, s.forImport(s.flushOperations)},
		{http.MethodGet, "/v1/imports", false, s.listImports},
		{http.MethodGet, "/v1/imports/{key}", false, s.forImport(s.getImport)},
		{http.MethodGet, "/v1/imports/{key}/failed", false, s.forImport(s.listFailed)},
		{http.MethodPost, "/v1/imports/{key}/failed/retry", false, s.forImport(s.retryFailed)},
		{http.MethodDelete, "/v1/imports/{key}/failed", false, s.forImport(s.discardFailed)},
		{http.MethodPost, "/v1/imports/{key}/sync", false, s.forImport(s.sync)},
		{http.MethodPost, "/v1/imports/{key}/pause", false, s.forImport(s.pause)},
		{http.MethodPost, "/v1/imports/{key}/resume", false, s.forImport(s.resume)},
		{http.MethodPost, "/v1/imports/{key}/backfill", false, s.forImport(s.startBackfill)},
		{http.MethodGet, "/v1/imports/{key}/backfill", false, s.forImport(s.getBackfill)},
		{http.MethodDelete, "/v1/imports/{key}/backfill", false, s.forImport(s.cancelBackfill)},
		{http.MethodPost, "/v1/imports/{key}/backfill/pause", false, s.forImport(s.pauseBackfill)},
		{http.MethodPost, "/v1/imports/{key}/backfill/resume", false, s.forImport(s.resumeBackfill)},
		{http.MethodPost, "/v1/imports/{key}/verify", false, s.forImport(s.startVerify)},
		{http.MethodGet, "/v1/imports/{key}/verify", false, s.forImport(s.getVerify)},
		{http.MethodDelete, "/v1/imports/{key}/verify", false, s.forImport(s.cancelVerify)},
		{http.MethodGet, "/v1/imports/{key}/verify/differences", false, s.forImport(s.getDifferences)},
		{http.MethodGet, "/openapi.json", false, getOpenAPI},
		{http.MethodGet, "/healthz", true, getHealth},
		{http.MethodGet, "/readyz", true, s.getReadiness},
	}
	if s.Metrics != nil {
		getMetrics := func(w http.ResponseWriter, r *http.Request) error {
			s.Metrics.ServeHTTP(w, r)
			return nil
		}
		routes = append(routes, route{http.MethodGet, "/metrics", false, getMetrics})
	}
	return routes
}

// parameters are those that the queries of routes may have. All other routes take none.
var parameters = map[string][]string{
	"DELETE /v1/imports/{key}/operations": {"confirm"},

	"GET /v1/imports/{key}/verify/differences": {"from", "limit"},

	"POST /v1/imports/{key}/pause":  {"note"},
	"POST /v1/imports/{key}/resume": {"note"},
}

// checked refuses what the route would not look at in a query, for whoever sent it meant something
// by it: a parameter that the route does not have, or has twice. Whatever scrapes metrics or asks
// for the health may add its own.
func (r route) checked() handler {
	if r.open || r.path == "/metrics" {
		return r.handle
	}
	known := parameters[r.method+" "+r.path]
	return func(w http.ResponseWriter, request *http.Request) error {
		query, err := readQuery(request)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(query)) {
			switch {
			case !slices.Contains(known, name):
				return refuse(http.StatusBadRequest,
					fmt.Sprintf("unknown query parameter %.40q: this route takes %s", name,
						cmp.Or(strings.Join(known, ", "), "none")))
			case len(query[name]) > 1:
				return refuse(http.StatusBadRequest, fmt.Sprintf("the query parameter %s stands twice: keep one", name))
			}
		}
		return r.handle(w, request)
	}
}

// mux takes the routes, and behind them what answers requests that no route takes: its own answers
// to those would not be problem details.
func (s *server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	allowed, open := map[string][]string{}, map[string]bool{}
	for _, r := range s.routes() {
		mux.Handle(r.method+" "+r.path, s.answer(r.open, r.checked()))
		allowed[r.path] = append(allowed[r.path], r.method)
		if r.method == http.MethodGet {
			allowed[r.path] = append(allowed[r.path], http.MethodHead)
		}
		open[r.path] = r.open
	}
	for path, methods := range allowed {
		mux.Handle(path, s.answer(open[path], methodNotAllowed(methods)))
	}
	mux.Handle("/", s.answer(false, func(http.ResponseWriter, *http.Request) error {
		return refuse(http.StatusNotFound, "there is no such route: /openapi.json lists those that there are")
	}))
	return mux
}

// answer makes an http.Handler of handle, behind the guard unless open.
func (s *server) answer(open bool, handle handler) http.Handler {
	if !open {
		handle = s.guarded(handle)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.guard.checkHost(r)
		if err == nil {
			err = handle(w, r)
		}
		if err == nil {
			return
		}
		p := problemOf(err)
		if p.Status == http.StatusInternalServerError {
			s.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "detail", p.Detail,
				"type", fmt.Sprintf("%T", err))
		}
		writeProblem(w, p)
	})
}

// guarded handles requests of those who may use the API, and not too many at a time.
func (s *server) guarded(handle handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.guard.check(w, r); err != nil {
			return err
		}
		if !s.requests.take(1) {
			return errBusy
		}
		defer s.requests.give(1)
		return handle(w, r)
	}
}

func methodNotAllowed(methods []string) handler {
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return refuse(http.StatusMethodNotAllowed, fmt.Sprintf("this route takes %s, not %.20q", allow, r.Method))
	}
}

// forImport makes a handler of one that is given the import that the path names.
func (s *server) forImport(handle func(http.ResponseWriter, *http.Request, chferry.Import) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		i, ok := s.Imports.Import(chferry.ImportKey(r.PathValue("key")))
		if !ok {
			return s.unknownKey(r.PathValue("key"))
		}
		return handle(w, r, i)
	}
}

// maxNamed bounds how many import keys an error names.
const maxNamed = 10

// unknownKey says which import keys there are, and that the file may have more by now.
func (s *server) unknownKey(key string) error {
	var names []string
	imports := s.Imports.Imports()
	for _, i := range imports[:min(len(imports), maxNamed)] {
		names = append(names, string(i.Key))
	}
	known := "it has " + strings.Join(names, ", ")
	switch more := len(imports) - maxNamed; {
	case len(names) == 0:
		known = "it has none"
	case more > 0:
		known += fmt.Sprintf(" and %d more, which GET /v1/imports lists", more)
	}
	return chferry.Errorf(chferry.CodeUnknownKey,
		"import key %.140q is not configured in this API, which reads its configuration when it starts: "+
			"restart the API after a change of the file; %s", key, known)
}
