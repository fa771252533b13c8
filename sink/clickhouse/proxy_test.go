package clickhouse_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// muted passes on what it reads, unless it is silent: then it swallows it.
type muted struct {
	net.Conn
	silent *atomic.Bool
}

func (m muted) Write(p []byte) (int, error) {
	if m.silent.Load() {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

// gate passes connections on to s, and none of their bytes as long as silent is set. It returns the URL.
func (s *server) gate(t *testing.T, silent *atomic.Bool) string {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				behind, err := net.Dial("tcp", u.Host)
				if err != nil {
					_ = from.Close()
					return
				}
				ends := func() { _, _ = from.Close(), behind.Close() }
				defer context.AfterFunc(ctx, ends)()
				running.Go(func() {
					_, _ = io.Copy(muted{from, silent}, behind)
					ends()
				})
				_, _ = io.Copy(muted{behind, silent}, from)
				ends()
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		running.Wait()
	})
	return s.through(t, l.Addr().(*net.TCPAddr).Port)
}

// through returns the URL of s by way of a port.
func (s *server) through(t *testing.T, port int) string {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	u.Host = "127.0.0.1:" + strconv.Itoa(port)
	return u.String()
}

// forward passes connections to a port on to s, of each the first bytes up to a limit, until stop
// is called or the test ends.
func (s *server) forward(t *testing.T, port int, limit int64) (stop func()) {
	t.Helper()
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { pass(ctx, from, u.Host, limit) })
		}
	})
	stop = func() {
		cancel()
		_ = l.Close()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func pass(ctx context.Context, from net.Conn, to string, limit int64) {
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
	if n, err := io.CopyN(behind, from, limit); n == limit && err == nil {
		<-ctx.Done()
	}
	_ = behind.Close()
	back.Wait()
}
