package redis_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a storage and its Redis. It can swallow replies: what was asked for is done, the reply is dropped, and
// the connection closed.
type proxy struct {
	addr     string
	to       string
	listener net.Listener
	swallow  atomic.Int64 // replies to swallow
	serving  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: listener.Addr().String(), to: to, listener: listener, conns: map[net.Conn]bool{}}
	p.serving.Go(p.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for conn := range p.conns {
			_ = conn.Close()
		}
		p.mu.Unlock()
		p.serving.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		p.mu.Lock()
		p.conns[near], p.conns[far] = true, true
		p.mu.Unlock()
		p.serving.Go(func() { p.replies(near, far) })
		p.serving.Go(func() {
			_, _ = io.Copy(far, near)
			_ = far.Close() // ends the other direction too
		})
	}
}

// replies passes on what Redis answers. What arrives in one piece counts as one reply.
func (p *proxy) replies(near, far net.Conn) {
	defer func() { _, _ = near.Close(), far.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := far.Read(buf)
		if err != nil {
			return
		}
		if p.swallow.Add(-1) >= 0 {
			return
		}
		if _, err := near.Write(buf[:n]); err != nil {
			return
		}
	}
}
