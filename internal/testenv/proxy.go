package testenv

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxyPatience bounds how long a test waits for what the proxy is to see.
const proxyPatience = 30 * time.Second

// Proxy passes bytes on between clients and a server, as a network does. It can hold one request,
// or the answer to one, and let it arrive late. It can lose an answer, be silent, and go away.
type Proxy struct {
	// URL is the server's URL through the proxy.
	URL string
	// Addr is the proxy's host and port.
	Addr string

	t       testing.TB
	server  string        // host:port
	ended   chan struct{} // closed when the test has ended
	serving sync.WaitGroup
	silent  atomic.Bool

	mu       sync.Mutex
	listener net.Listener // nil: it has left
	conns    []net.Conn
	next     *Held // which request is held next; nil: none
}

// NewProxy returns a proxy before the server of a URL. The proxy ends with the test.
func NewProxy(t testing.TB, server string) *Proxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("a proxy was asked for before a server whose URL can't be read")
	}
	p := &Proxy{t: t, Addr: "127.0.0.1:0", server: u.Host, ended: make(chan struct{})}
	p.Return()
	u.Host = p.Addr
	p.URL = u.String()
	t.Cleanup(func() {
		close(p.ended)
		p.Leave()
		p.serving.Wait()
	})
	return p
}

// Leave ends all connections and takes no more, as a server does that has died.
func (p *Proxy) Leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.listener, p.conns = nil, nil
}

// Return takes connections again, at the same address, after Leave.
func (p *Proxy) Return() {
	p.t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(p.t.Context(), "tcp", p.Addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener, p.Addr = listener, listener.Addr().String()
	p.serving.Go(func() { p.accept(listener) })
}

// Silence lets the proxy swallow all bytes of both sides, or none any more. Connections stay open.
func (p *Proxy) Silence(silent bool) { p.silent.Store(silent) }

// Held is a request that does not arrive, or whose answer doesn't, until Release is called; or
// whose answer is lost.
type Held struct {
	proxy    *Proxy
	match    func(piece []byte) bool
	answer   bool          // the answer is held, not the request
	lost     bool          // the answer never arrives
	begun    chan struct{} // closed when something is held
	released chan struct{}
	answered chan []byte // gets the beginning of the server's answer
}

// HoldRequest holds the next request that match tells by a piece of its bytes, with all that
// follows on its connection, until Release is called. Then the request arrives, also if its client
// has given up.
func (p *Proxy) HoldRequest(match func(piece []byte) bool) *Held {
	return p.hold(&Held{match: match})
}

// HoldAnswer lets the next request that match tells by a piece of its bytes arrive, and holds what
// the server answers until Release is called.
func (p *Proxy) HoldAnswer(match func(piece []byte) bool) *Held {
	return p.hold(&Held{match: match, answer: true})
}

// LoseAnswer lets the next request that match tells by a piece of its bytes arrive, and ends the
// client's connection in place of the server's answer.
func (p *Proxy) LoseAnswer(match func(piece []byte) bool) *Held {
	return p.hold(&Held{match: match, answer: true, lost: true})
}

func (p *Proxy) hold(h *Held) *Held {
	h.proxy, h.begun, h.released, h.answered = p, make(chan struct{}), make(chan struct{}), make(chan []byte, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = h
	return h
}

// Begun reports whether the request has come.
func (h *Held) Begun() bool {
	select {
	case <-h.begun:
		return true
	default:
		return false
	}
}

// Wait returns once something is held.
func (h *Held) Wait() {
	h.proxy.t.Helper()
	select {
	case <-h.begun:
	case <-time.After(proxyPatience):
		h.proxy.t.Fatal("nothing came that was to be held")
	}
}

// Release lets go what is held, and returns the beginning of the server's answer once there is one.
func (h *Held) Release() string {
	h.proxy.t.Helper()
	h.Wait()
	close(h.released)
	select {
	case answer := <-h.answered:
		return string(answer)
	case <-time.After(proxyPatience):
		h.proxy.t.Fatal("the server did not answer what was held")
		return ""
	}
}

// taken returns what to do with a piece of a request; nil: pass it on.
func (p *Proxy) taken(piece []byte) *Held {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.next
	if h == nil || !h.match(piece) {
		return nil
	}
	p.next = nil
	return h
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		dialer := net.Dialer{Timeout: proxyPatience}
		far, err := dialer.DialContext(p.t.Context(), "tcp", p.server)
		if err != nil {
			_ = near.Close()
			continue
		}
		p.mu.Lock()
		if p.listener != listener { // it has left
			_, _ = near.Close(), far.Close()
		}
		p.conns = append(p.conns, near, far)
		p.mu.Unlock()
		l := &link{proxy: p, near: near, far: far, answered: make(chan struct{})}
		p.serving.Go(l.requests)
		p.serving.Go(l.answers)
	}
}

// link is one connection through a proxy: the client is near, the server far.
type link struct {
	proxy     *Proxy
	near, far net.Conn
	held      atomic.Pointer[Held]
	answered  chan struct{} // closed when no more answers are passed on
}

// requests passes on what the client asks. What arrives in one piece counts as one request.
func (l *link) requests() {
	defer func() { _ = l.far.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.near.Read(buf)
		if err != nil {
			if h := l.held.Load(); h != nil && !h.answer {
				<-l.answered // the client has given up, and the server is to answer all the same
			}
			return
		}
		if l.proxy.silent.Load() {
			continue
		}
		if h := l.proxy.taken(buf[:n]); h != nil {
			l.held.Store(h)
			close(h.begun)
			if !h.answer && !h.wait(l.proxy.ended) {
				return
			}
		}
		if _, err := l.far.Write(buf[:n]); err != nil {
			return
		}
	}
}

// answers passes on what the server answers. What arrives in one piece counts as one answer.
func (l *link) answers() {
	defer close(l.answered)
	defer func() { _ = l.near.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.far.Read(buf)
		if err != nil {
			return
		}
		if l.proxy.silent.Load() {
			continue
		}
		if h := l.held.Load(); h != nil && !h.told(bytes.Clone(buf[:n]), l.proxy.ended) {
			return
		}
		if _, err := l.near.Write(buf[:n]); err != nil {
			return
		}
	}
}

// told keeps the beginning of the server's answer, and reports whether the answer may go on to the client.
func (h *Held) told(piece []byte, ended <-chan struct{}) bool {
	select {
	case h.answered <- piece:
	default: // it has the beginning
	}
	if !h.answer || h.lost {
		return false // nobody waits for it, or nobody is to hear it
	}
	return h.wait(ended)
}

// wait reports whether what is held was released, or else the test has ended.
func (h *Held) wait(ended <-chan struct{}) bool {
	select {
	case <-h.released:
		return true
	case <-ended:
		return false
	}
}
