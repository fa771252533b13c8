package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
)

// TestPoolerWithSeveralStandbys waits for one standby and gets another one for the read.
func TestPoolerWithSeveralStandbys(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	second := standbyOf(t, r.primary)
	table := r.describe(t, "items")
	pooler := pool(t, r.standby, second)
	b := bundle{source: openStandby(t, edited(t, r.standby.URL, func(u *url.URL) { u.Host = pooler }), r.primary.URL)}
	if err := eventuallyNot(t, chferry.CodeUnavailable, func() error { return b.fetchErr(t, table) }); err != nil {
		t.Fatalf("both have caught up: %v", err)
	}
	on(t, second, "SELECT pg_wal_replay_pause()")
	r.exec(t, "INSERT INTO items VALUES (1)")
	wantCode(t, b.fetchErr(t, table), chferry.CodeUnavailable, alias, pooler, "several servers")
}

// pool passes each exchange of a connection on to one of two servers, as a pooler may: what fetches
// rows to the second. It returns its address.
func pool(t *testing.T, first, second *embedded.Server) string {
	t.Helper()
	l := listen(t)
	ctx := t.Context()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = client.Close() }()
				passOn(ctx, client, first.Addr, second.Addr)
			}()
		}
	}()
	return l.Addr().String()
}

// passOn returns when a connection ends.
func passOn(ctx context.Context, client net.Conn, addresses ...string) {
	servers := make([]net.Conn, len(addresses))
	for i, address := range addresses {
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return
		}
		defer func() { _ = server.Close() }()
		stop := context.AfterFunc(ctx, func() { _ = server.SetDeadline(time.Now()) })
		defer stop()
		servers[i] = server
	}
	startup, err := message(client, 0)
	if err != nil {
		return
	}
	var greeting []byte
	for _, server := range servers {
		if _, err := server.Write(startup); err != nil {
			return
		}
		if greeting, err = until(server, 'Z'); err != nil {
			return
		}
	}
	for answer := greeting; ; {
		if _, err := client.Write(answer); err != nil {
			return
		}
		request, err := until(client, 'S')
		if err != nil {
			return
		}
		server := servers[0]
		if bytes.Contains(request, []byte(" AS t ")) {
			server = servers[1]
		}
		if _, err := server.Write(request); err != nil {
			return
		}
		if answer, err = until(server, 'Z'); err != nil {
			return
		}
	}
}

// until reads messages up to one of the type: 'S' ends a request, 'Z' an answer.
func until(r io.Reader, last byte) ([]byte, error) {
	var all []byte
	for {
		m, err := message(r, 1)
		all = append(all, m...)
		if err != nil || m[0] == last {
			return all, err
		}
	}
}

// message reads a message with its length, before which stand as many bytes as its type has.
func message(r io.Reader, typeBytes int) ([]byte, error) {
	var all bytes.Buffer
	if _, err := io.CopyN(&all, r, int64(typeBytes+4)); err != nil {
		return nil, err
	}
	_, err := io.CopyN(&all, r, int64(binary.BigEndian.Uint32(all.Bytes()[typeBytes:])-4))
	return all.Bytes(), err
}
