package redis_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a storage and its Redis. It can swallow replies: what was asked for is done,
// the reply is dropped, and the connection closed. And it can hold a request, whose client gives up
// meanwhile, and let it arrive later.
type proxy struct {
	addr     string
	to       string
	listener net.Listener
	swallow  atomic.Int64 // replies to swallow
	serving  sync.WaitGroup

	held     func(request []byte) bool // which request is held, once; nil: none
	holding  atomic.Bool
	holds    chan struct{} // closed when it is held
	released chan struct{} // lets it go

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		addr: listener.Addr().String(), to: to, listener: listener, conns: map[net.Conn]bool{},
		holds: make(chan struct{}), released: make(chan struct{}),
	}
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
			p.requests(near, far)
			_ = far.Close() // ends the other direction too
		})
	}
}

// requests passes on what the storage asks. What arrives in one piece counts as one request.
func (p *proxy) requests(near, far net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := near.Read(buf)
		if err != nil {
			return
		}
		if p.held != nil && p.held(buf[:n]) && p.holding.CompareAndSwap(false, true) {
			close(p.holds)
			<-p.released
		}
		if _, err := far.Write(buf[:n]); err != nil {
			return
		}
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
