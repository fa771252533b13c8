package httpserver

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

// killPause is how long a kill has to work before it is repeated, because it may have come too early.
const killPause = 100 * time.Millisecond

// Handler answers requests.
type Handler struct {
	engine   *chdb.Engine
	password string
	about    about
}

// New returns a handler for an engine, whose user "default" has the password. An engine that does
// not answer is an error.
func New(ctx context.Context, engine *chdb.Engine, password string) (*Handler, error) {
	about, err := aboutServer(ctx, engine)
	if err != nil {
		return nil, err
	}
	return &Handler{engine, password, about}, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" {
		ok(w)
		return
	}
	r.Body = &patientBody{r.Body, http.NewResponseController(w)}
	query := r.URL.Query()
	id := query.Get("query_id")
	if id == "" {
		id = rand.Text()
	}
	out := newAnswer(w, r, query, id, h.about.version)
	if err := h.authenticate(r, query); err != nil {
		out.fail(err)
		return
	}
	if r.Method == http.MethodGet && !query.Has("query") {
		ok(w)
		return
	}
	req, err := readRequest(r, query, id)
	if err != nil {
		out.fail(err)
		return
	}
	if err := h.run(r.Context(), req, out); err != nil {
		out.fail(err)
	}
}

// ok is what ClickHouse says when it is asked nothing.
func ok(w http.ResponseWriter) { _, _ = w.Write([]byte("Ok.\n")) }

// run runs the request's statement in a session of its own, and kills it when the client goes away.
func (h *Handler) run(ctx context.Context, req *request, out *answer) error {
	session, err := h.engine.Open(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := prepare(session, req); err != nil {
		return err
	}
	if req.isHello() {
		return out.hello(h.about, req)
	}
	class, err := judge(session, req)
	if err != nil {
		return err
	}
	defer h.killAfter(ctx, req.mark)()
	return execute(session, req, class, out)
}

// killAfter kills the statement with a mark when the context ends before the returned function is called.
func (h *Handler) killAfter(ctx context.Context, mark string) (release func()) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		for {
			if h.engine.Kill(mark) != nil {
				return // the engine is closed, or in no state to do more
			}
			select {
			case <-ended:
				return
			case <-time.After(killPause):
			}
		}
	})
	return func() {
		stop()
		close(ended)
	}
}
