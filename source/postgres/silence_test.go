package postgres_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
)

// nat passes bytes on between clients and a server until it forgets its connections: then nothing
// comes through them any more, and neither side is told. Connections that are made later are passed
// on.
type nat struct {
	address string
	to      string
	serving sync.WaitGroup

	mu     sync.Mutex
	silent chan struct{} // closed when the present connections are forgotten
	conns  []net.Conn
}

func newNAT(t *testing.T, to string) *nat {
	t.Helper()
	l := listen(t)
	n := &nat{address: l.Addr().String(), to: to, silent: make(chan struct{})}
	n.serving.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			n.pass(near)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		n.mu.Lock()
		for _, conn := range n.conns {
			_ = conn.Close()
		}
		n.mu.Unlock()
		n.serving.Wait()
	})
	return n
}

func (n *nat) pass(near net.Conn) {
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", n.to)
	if err != nil {
		_ = near.Close()
		return
	}
	n.mu.Lock()
	silent := n.silent
	n.conns = append(n.conns, near, far)
	n.mu.Unlock()
	for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
		n.serving.Go(func() {
			_, _ = io.Copy(to, &untilSilent{from, silent})
			select {
			case <-silent:
			default:
				_ = to.Close()
			}
		})
	}
}

// untilSilent reads from a connection, and drops what comes once it is to be silent.
type untilSilent struct {
	net.Conn
	silent chan struct{}
}

func (u *untilSilent) Read(b []byte) (int, error) {
	for {
		n, err := u.Conn.Read(b)
		select {
		case <-u.silent:
			if err != nil {
				return 0, err
			}
		default:
			return n, err
		}
	}
}

// forget makes all present connections silent.
func (n *nat) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.silent)
	n.silent = make(chan struct{})
}

// TestForgottenConnections: a connection that was idle, and leads nowhere any more, is found out soon and replaced.
func TestForgottenConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	var server string
	direct := edited(t, b.url, func(u *url.URL) { server = u.Host })
	n := newNAT(t, server)
	b.source = open(t, edited(t, direct, func(u *url.URL) { u.Host = n.address }))
	table := b.describe(t, "items")
	for range 2 {
		n.forget()
		time.Sleep(1100 * time.Millisecond) // until the pool takes the connection for one that may be lost
		began := time.Now()
		if err := b.fetchErr(t, table); err != nil {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
	}
}

// TestServerThatNeverAnswers takes connections and says nothing, like a server or a pooler that hangs.
func TestServerThatNeverAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hanging := listen(t)
	defer func() { _ = hanging.Close() }()
	s := open(t, edited(t, b.url, func(u *url.URL) { u.Host = hanging.Addr().String() }))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := s.Describe(ctx, "items", nil)
	if chferry.CodeOf(err) != chferry.CodeUnavailable || !strings.Contains(err.Error(), "it took too long") ||
		ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
}

// TestCloseDoesNotHang: neither on a read nor on a connection that leads nowhere.
func TestCloseDoesNotHang(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1); CREATE VIEW slow AS SELECT 1 AS "+
		"id, pg_sleep(50) IS NULL AS slept")
	var server string
	direct := edited(t, b.url, func(u *url.URL) { server = u.Host })
	for _, idle := range []bool{true, false} {
		n := newNAT(t, server)
		s, err := postgres.Open(edited(t, direct, func(u *url.URL) { u.Host = n.address }),
			source.Options{Alias: alias})
		if err != nil {
			t.Fatal(err)
		}
		table, err := s.Describe(t.Context(), "slow", []string{"id"})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{}) // however it ended
		if idle {
			close(ended)
		} else {
			go func() {
				defer close(ended)
				_, _ = s.Fetch(context.WithoutCancel(t.Context()), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
			}()
			if err := eventually(t, false, func() error { return b.idle(t) }); err == nil {
				t.Fatal("the read has not begun")
			}
		}
		n.forget()
		began := time.Now()
		s.Close()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("closing took %s", took)
		}
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the read goes on")
		}
	}
}
