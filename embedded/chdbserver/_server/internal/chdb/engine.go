package chdb

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// maxSessions bounds the sessions at a time: each that runs a statement has threads of its own.
const maxSessions = 64

// Engine is ClickHouse on one data folder.
type Engine struct {
	library *library
	args    []string
	free    chan struct{} // as many as sessions may be open

	mu sync.Mutex
	// keeper is a session that stays open, because the engine ends with its last one and does not start well again.
	// It also runs what concerns all sessions. nil: the engine was closed.
	keeper *Session
}

// Start loads the library from a file and starts its engine, once per process. The arguments are those of
// clickhouse-local, such as --path=FOLDER; settings among them hold for every session.
func Start(path string, args ...string) (*Engine, error) {
	l, err := load(path)
	if err != nil {
		return nil, err
	}
	e := &Engine{library: l, args: append([]string{"chdb"}, args...), free: make(chan struct{}, maxSessions)}
	if e.keeper, err = e.connect(); err != nil {
		return nil, err
	}
	return e, nil
}

// Open opens a session, when there are fewer than 64 or the context ends. It takes under a millisecond, so that each
// statement can have one that no other has left anything in. Its Close must be called.
func (e *Engine) Open(ctx context.Context) (*Session, error) {
	select {
	case e.free <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s, err := e.connect()
	if err != nil {
		<-e.free
		return nil, err
	}
	s.onClose = func() { <-e.free }
	return s, nil
}

func (e *Engine) connect() (*Session, error) {
	argv := make([]*byte, 0, len(e.args)+1)
	for _, arg := range e.args {
		argv = append(argv, &append([]byte(arg), 0)[0])
	}
	argv = append(argv, nil)
	conn := e.library.connect(int32(len(e.args)), pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if conn == nil {
		return nil, errors.New("open a session: libchdb refuses; another process may use the data folder")
	}
	return &Session{library: e.library, conn: conn, handle: *(*pointer)(conn)}, nil
}

// Kill ends the statement of a session that has set log_comment to this mark. It may come too early: a statement that
// has just been given to the engine is not found yet.
func (e *Engine) Kill(mark string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.keeper == nil {
		return errors.New("kill a statement: the engine was closed")
	}
	_, _, err := e.keeper.Run(Statement{
		SQL: "KILL QUERY WHERE Settings['log_comment'] = {mark:String} ASYNC", Format: "Null",
		Params: map[string]string{"mark": mark},
	})
	return err
}

// Close ends the engine, when all sessions are closed. Nothing can be started in this process afterwards.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.keeper != nil {
		e.keeper.Close()
		e.keeper = nil
	}
}
