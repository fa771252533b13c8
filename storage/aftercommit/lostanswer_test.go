package aftercommit_test

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/aftercommit"
)

// proxy stands before a PostgreSQL and lets nothing pass that the server says after a COMMIT: the connection ends instead.
type proxy struct {
	t        *testing.T
	server   string
	listener net.Listener
	running  sync.WaitGroup
}

// loseAnswers returns the URL of the proxy before the server of a URL.
func loseAnswers(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, server: u.Host}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.running.Go(p.accept)
	t.Cleanup(func() { _ = p.listener.Close(); p.running.Wait() })
	u.Host = p.listener.Addr().String()
	return u.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			p.t.Errorf("dial the server: %v", err)
			_ = client.Close()
			continue
		}
		var told atomic.Bool
		p.running.Go(func() {
			p.pass(client, server, func(text []byte) bool {
				told.Store(told.Load() || bytes.Contains(text, []byte("commit\x00")))
				return true
			})
		})
		p.running.Go(func() { p.pass(server, client, func([]byte) bool { return !told.Load() }) })
	}
}

// pass copies until one side ends or may says no.
func (p *proxy) pass(from, to net.Conn, may func([]byte) bool) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || !may(buffer[:n]) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestLostAnswer: the server has committed and nobody heard of it. The operations are registered, or come back with the error.
func TestLostAnswer(t *testing.T) {
	each(t, func(t *testing.T, b *bundle, run form) {
		cut := &bundle{url: loseAnswers(t, b.url), store: b.store}
		cut.connect(t)
		err := run(t.Context(), cut, b.store, func(exec exec, changes *aftercommit.Changes) error { return add(exec, changes, 1) })
		if err == nil || !strings.HasPrefix(err.Error(), "commit: ") {
			t.Errorf("got %v, want the error of the commit", err)
		}
		b.wantRows(t, 1)
		b.wantRegistered(t, "users", "insert 1")

		down := &registrar{fails: map[chferry.ImportKey]error{"users": chferry.Errorf(chferry.CodeQueueFull, "full")}}
		err = run(t.Context(), cut, down, func(exec exec, changes *aftercommit.Changes) error { return add(exec, changes, 2) })
		var lost *aftercommit.NotRegisteredError
		if !errors.As(err, &lost) || lost.Commit == nil || lost.Changes.Len() != 1 || !errors.Is(err, lost.Commit) ||
			!strings.HasPrefix(err.Error(), "nobody knows whether the transaction is committed, and 1 operations of import keys users were not registered: full") {
			t.Errorf("got %v", err)
		}
		b.wantRows(t, 1, 2)
	})
}
