package main_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

// proxy stands before ClickHouse and can keep an insert from reaching it, as a network may.
type proxy struct {
	t     *testing.T
	url   string // of ClickHouse through the proxy
	armed atomic.Bool
	held  chan struct{} // gets a value when an insert is held
}

// holdingProxy returns a proxy before a fresh database of ClickHouse's.
func holdingProxy(t *testing.T) *proxy {
	t.Helper()
	u, err := url.Parse(testenv.ClickHouse(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{t: t, held: make(chan struct{}, 1)}
	to := u.Host
	u.Host = l.Addr().String()
	p.url = u.String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { p.pass(ctx, from, to) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		running.Wait()
	})
	return p
}

func (p *proxy) pass(ctx context.Context, from net.Conn, to string) {
	defer func() { _ = from.Close() }()
	behind, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	unblock := context.AfterFunc(ctx, func() { _, _ = from.Close(), behind.Close() })
	defer unblock()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(from, behind)
		_ = from.Close()
	})
	p.forward(behind, from)
	_ = behind.Close()
	back.Wait()
}

// forward passes on what a client sends, up to the insert that is to be held.
func (p *proxy) forward(behind io.Writer, from io.Reader) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if bytes.Contains(buf[:n], []byte("INSERT INTO")) && p.armed.CompareAndSwap(true, false) {
			p.held <- struct{}{}
			_, _ = io.Copy(io.Discard, from) // until the client gives up
			return
		}
		if err != nil {
			return
		}
		if _, err := behind.Write(buf[:n]); err != nil {
			return
		}
	}
}

// holdNext holds the next insert for ever.
func (p *proxy) holdNext() { p.armed.Store(true) }

// waitHeld returns when an insert is held.
func (p *proxy) waitHeld() {
	p.t.Helper()
	select {
	case <-p.held:
	case <-time.After(30 * time.Second):
		p.t.Fatal("no insert began")
	}
}
