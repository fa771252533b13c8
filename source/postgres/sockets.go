package postgres

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// keepAlive finds out within half a minute that nobody is there any more.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// sockets are the open ones of a source. They can be closed under whatever waits for them.
type sockets struct {
	mu     sync.Mutex
	open   map[*socket]struct{}
	closed bool
}

type socket struct {
	net.Conn
	of *sockets
}

// dialer returns how connections are made.
func (s *sockets) dialer(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			// A system that can't do this is left with its own settings.
			_ = tcp.SetKeepAliveConfig(keepAlive)
		}
		return s.add(conn)
	}
}

func (s *sockets) add(conn net.Conn) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	if s.open == nil {
		s.open = map[*socket]struct{}{}
	}
	added := &socket{conn, s}
	s.open[added] = struct{}{}
	return added, nil
}

// close closes all sockets, and those that are opened later.
func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for open := range s.open {
		// What waits for the socket gets the error.
		_ = open.Conn.Close()
	}
}

// Close closes the socket.
func (c *socket) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
