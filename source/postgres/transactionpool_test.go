package postgres_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source/sourcetest"
)

// TestTransactionPooler reads through a pooler that gives each transaction another connection, as PgBouncer may in its mode
// "transaction", and whose connections were left with settings by others.
func TestTransactionPooler(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, span interval, at timestamptz, data bytea[], period tstzrange);
		INSERT INTO items SELECT n, '1 day 02:00:00', '2024-02-29 12:00:00+00', '{"\\x00ff"}', '[2024-02-29 12:00:00+00,)' FROM generate_series(1, 500) AS n`)
	u, err := url.Parse(b.url)
	if err != nil {
		t.Fatal(err)
	}
	pooled := b
	pooled.source = open(t, edited(t, b.url, func(through *url.URL) { through.Host = transactionPool(t, u.Host) }))
	table := pooled.describe(t, "items")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			pooled.readAll(t, table, 500, "1 day 02:00:00", "2024-02-29 12:00:00", "[\x00\xff]", `["2024-02-29 12:00:00+00",)`)
		})
	}
	wg.Wait()
}

// readAll reads all keys of a table, page by page, and all their rows, which must be alike but for their key.
func (b bundle) readAll(t *testing.T, table chferry.Table, n int, alike ...string) {
	var keys []chferry.PrimaryKey
	err := b.source.PrimaryKeys(t.Context(), table, 60, func(page []chferry.PrimaryKey) error {
		keys = append(keys, page...)
		return nil
	})
	if err != nil || len(keys) != n {
		t.Errorf("got %d keys, %v, want %d", len(keys), err, n)
		return
	}
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, keys...))
	if err != nil || rows.Rows() != n {
		t.Errorf("got %d rows, %v, want %d", rows.Rows(), err, n)
		return
	}
	for c, want := range alike {
		for r := range n {
			if got := sourcetest.Text(&rows.Vectors[c+1], r); got != want {
				t.Errorf("%s: got %q, want %q", table.Columns[c+1].Name, got, want)
				break
			}
		}
	}
}

// strangeSettings are what others may leave behind in a connection.
const strangeSettings = "-c timezone=Asia/Kolkata -c datestyle=German -c intervalstyle=iso_8601 -c bytea_output=escape -c extra_float_digits=-10 " +
	"-c default_transaction_isolation=serializable -c search_path=pg_catalog,public -c statement_timeout=1h"

// pooledParameters are what PgBouncer lets a client set when it connects, beside user and database.
var pooledParameters = []string{"client_encoding", "datestyle", "timezone", "standard_conforming_strings", "application_name"}

// transactionPool passes each transaction of each client on to a connection that it had not before, and refuses what PgBouncer
// refuses. It returns its address.
func transactionPool(t *testing.T, server string) string {
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
				startup, err := message(client, 0)
				if err != nil {
					return
				}
				if name := unpooledParameter(startup); name != "" {
					t.Errorf("a pooler would refuse the parameter %s", name)
					return
				}
				passTransactions(ctx, client, server, withOptions(startup, strangeSettings))
			}()
		}
	}()
	return l.Addr().String()
}

// unpooledParameter returns the first parameter of a startup message that a pooler does not know.
func unpooledParameter(startup []byte) string {
	fields := strings.Split(string(startup[8:]), "\x00")
	for i := 0; i+1 < len(fields) && fields[i] != ""; i += 2 {
		if name := fields[i]; name != "user" && name != "database" && !slices.Contains(pooledParameters, strings.ToLower(name)) {
			return name
		}
	}
	return ""
}

// withOptions adds settings to a startup message: its length, the protocol's version, pairs of texts, an empty text.
func withOptions(startup []byte, options string) []byte {
	body := slices.Concat(startup[4:len(startup)-1], []byte("options\x00"+options+"\x00\x00"))
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// passTransactions returns when a connection ends.
func passTransactions(ctx context.Context, client net.Conn, address string, startup []byte) {
	for first := true; ; first = false {
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			return
		}
		stop := context.AfterFunc(ctx, func() { _ = server.SetDeadline(time.Now()) })
		more := passTransaction(client, server, startup, first)
		stop()
		_ = server.Close()
		if !more {
			return
		}
	}
}

// passTransaction returns when a transaction has ended, and whether the client may want another.
func passTransaction(client, server net.Conn, startup []byte, greet bool) (more bool) {
	if _, err := server.Write(startup); err != nil {
		return false
	}
	answer, err := until(server, 'Z')
	if err != nil {
		return false
	}
	if greet {
		if _, err := client.Write(answer); err != nil {
			return false
		}
	}
	const idle = 'I' // in the last byte of an answer: no transaction is open
	for answer[len(answer)-1] = 0; answer[len(answer)-1] != idle; {
		request, err := until(client, 'S')
		if err != nil {
			return false
		}
		if _, err := server.Write(request); err != nil {
			return false
		}
		if answer, err = until(server, 'Z'); err != nil {
			return false
		}
		if _, err := client.Write(answer); err != nil {
			return false
		}
	}
	return true
}
