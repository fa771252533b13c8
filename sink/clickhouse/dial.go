package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// dial makes a connection for the driver's pool. The driver's handshake waits for the server without looking at the
// context, so the socket is closed when the context ends; and whatever answers now may be another server than before,
// so what was known of it is forgotten.
func (c *Client) dial(ctx context.Context, id int, opt *ch.Options, dial ch.Dial) (ch.DialResult, error) {
	defer c.forget()
	var opening sockets
	stop := context.AfterFunc(ctx, opening.close)
	defer stop()
	result, err := ch.DefaultDialStrategy(context.WithValue(ctx, socketsKey{}, &opening), id, opt, dial)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err) // closing the socket is not the reason
	}
	return result, err
}

// share gives all of the driver's HTTP connections one transport, which [Client.Close] can close: the driver forgets a
// transport whose first answer was an error, and its connection with it.
func (c *Client) share(offered *http.Transport) (http.RoundTripper, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport == nil {
		offered.MaxIdleConns, offered.MaxIdleConnsPerHost, offered.IdleConnTimeout = 0, maxIdle, time.Minute
		c.transport = offered
	}
	return c.transport, nil
}

type socketsKey struct{}

// sockets are those of a connection that is being made.
type sockets struct {
	mu     sync.Mutex
	open   []net.Conn
	closed bool
}

func (s *sockets) add(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, conn)
	if s.closed {
		_ = conn.Close()
	}
}

func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, conn := range s.open {
		_ = conn.Close()
	}
}

// keepAlive finds out within half a minute that nobody is there any more, as behind a NAT that
// forgot an idle connection.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// dialer opens sockets, with TLS where the driver leaves that to it: over HTTP it is the transport that adds it.
func dialer(opt *ch.Options) func(context.Context, string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: opt.DialTimeout, KeepAliveConfig: keepAlive}
	open := func(ctx context.Context, address string) (net.Conn, error) {
		return plain.DialContext(ctx, "tcp", address)
	}
	if opt.TLS != nil && opt.Protocol == ch.Native {
		encrypted := &tls.Dialer{NetDialer: plain, Config: opt.TLS}
		open = func(ctx context.Context, address string) (net.Conn, error) {
			return encrypted.DialContext(ctx, "tcp", address)
		}
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := open(ctx, address)
		if opening, ok := ctx.Value(socketsKey{}).(*sockets); ok && err == nil && opt.Protocol == ch.Native {
			opening.add(conn)
		}
		return conn, err
	}
}
