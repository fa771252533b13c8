// Package clickhouse writes into ClickHouse. It is the driver of sink.Sink for every server from
// 18.16 on, over the native protocol and, for servers that speak it with today's client, over HTTP.
// What a server can do is asked of the server, so that one binary fits them all; see docs/types.md
// for what becomes of each type.
package clickhouse

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// Options are what a client is told beside its URL.
type Options struct {
	// Timeout bounds every call but Insert; 0 means 30 seconds.
	Timeout time.Duration
	// InsertTimeout bounds one insert; 0 means 5 minutes.
	InsertTimeout time.Duration
	// DialTimeout bounds the wait for a connection; 0 means 10 seconds, or what the URL says in dial_timeout.
	DialTimeout time.Duration
	// MaxConnections bounds the connections held at a time; 0 means 40. A caller waits for a free
	// one no longer than for one that is made, so that they should be enough for all inserts at a
	// time: two of each step that a worker runs.
	MaxConnections int
}

// maxIdle is how many connections are kept for the next call.
const maxIdle = 4

// sendBytes is how much of a block is compressed and sent at a time; 10 MB by default. Every
// connection keeps two buffers of that size, and more than the server's own clients compress at a
// time makes nothing faster.
const sendBytes = 1 << 20

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.InsertTimeout == 0 {
		o.InsertTimeout = 5 * time.Minute
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = 10 * time.Second
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 40
	}
	return o
}

// Client is a [sink.Sink] for one ClickHouse server or cluster. It may be used by several goroutines at a time.
type Client struct {
	conn     driver.Conn
	driver   *ch.Options
	address  string // host and port, for messages
	database string // of tables that name none
	overHTTP bool
	opts     Options

	mu        sync.Mutex
	known     *features       // nil: to be asked of the server
	transport *http.Transport // of HTTP connections; nil until there is one
	// replicated are tables that all servers of the URL are known to hold replicas of.
	replicated map[table]bool
	// descriptions are of tables that were described before.
	descriptions map[table]description
	calls        calls
}

var (
	_ sink.Sink     = (*Client)(nil)
	_ sink.Finder   = (*Client)(nil)
	_ sink.Reader   = (*Client)(nil)
	_ sink.Gauge    = (*Client)(nil)
	_ sink.Replacer = (*Client)(nil)
)

// Open returns a client for a URL such as clickhouse://user:password@host:9000/database (the native protocol) or
// https://user:password@host:8443/database. It checks the URL, with [chferry.CodeConfiguration], and does not connect.
func Open(address string, opts Options) (*Client, error) {
	opts = opts.withDefaults()
	parsed, err := parseURL(address)
	if err != nil {
		return nil, err
	}
	return connect(parsed, opts)
}

func connect(parsed *ch.Options, opts Options) (*Client, error) {
	c := &Client{
		driver: parsed, address: strings.Join(parsed.Addr, ", "), database: parsed.Auth.Database,
		overHTTP: parsed.Protocol == ch.HTTP, opts: opts,
	}
	parsed.MaxOpenConns, parsed.MaxIdleConns = opts.MaxConnections, min(opts.MaxConnections, maxIdle)
	if parsed.DialTimeout == 0 {
		parsed.DialTimeout = opts.DialTimeout
	}
	if parsed.Compression == nil {
		parsed.Compression = &ch.Compression{Method: ch.CompressionLZ4}
	}
	if parsed.MaxCompressionBuffer == 0 {
		parsed.MaxCompressionBuffer = sendBytes
	}
	parsed.DialStrategy, parsed.DialContext, parsed.TransportFunc = c.dial, dialer(parsed), c.share
	var err error
	if c.conn, err = ch.Open(parsed); err != nil {
		return nil, malformed(err)
	}
	return c, nil
}

func parseURL(address string) (*ch.Options, error) {
	cleanURL, ok := chferry.CleanURL(address)
	scheme, behind, _ := strings.Cut(cleanURL, "://")
	u, err := url.Parse("clickhouse://" + behind) // a URL of HTTP may not name several servers with their ports
	if scheme = strings.ToLower(scheme); err != nil || !ok ||
		!slices.Contains([]string{"clickhouse", "http", "https"}, scheme) {
		return nil, malformed(err)
	}
	u.Scheme = scheme
	query := u.Query()
	if u.Scheme == "https" && !query.Has("secure") { // the client asks for it
		query.Set("secure", "true")
		u.RawQuery = query.Encode()
	}
	parsed, err := ch.ParseDSN(u.String())
	if err != nil {
		return nil, malformed(err)
	}
	for i, host := range parsed.Addr {
		if _, port, err := net.SplitHostPort(host); err != nil {
			parsed.Addr[i] = net.JoinHostPort(strings.Trim(host, "[]"), defaultPort(parsed))
		} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, malformed(err)
		}
	}
	if parsed.Auth.Database == "" {
		parsed.Auth.Database = "default"
	}
	return parsed, nil
}

func defaultPort(o *ch.Options) string {
	switch secure := o.TLS != nil; {
	case o.Protocol == ch.HTTP && secure:
		return "8443"
	case o.Protocol == ch.HTTP:
		return "8123"
	case secure:
		return "9440"
	default:
		return "9000"
	}
}

// malformed leaves the URL out of the message: it may hold a password.
func malformed(err error) error {
	return chferry.WrapError(chferry.CodeConfiguration, err,
		"clickhouse.url can't be read: it must look like clickhouse://user:password@host:9000/database or "+
			"https://user:password@host:8443/database")
}

// Check returns nil if the server answers and the user may write.
func (c *Client) Check(ctx context.Context) error {
	const doing = "check ClickHouse"
	c.forget()
	f, err := c.features(ctx)
	if err != nil {
		return err
	}
	if f.readonly {
		return chferry.Errorf(chferry.CodeAccessDenied,
			"%s at %s: the user may only read (the setting readonly): name another user in clickhouse.url",
			doing, c.address)
	}
	return nil
}

// Close closes the connections. Calls that go on end with an error.
func (c *Client) Close() {
	c.calls.end()
	_ = c.conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// query calls each for every row of a query's result; scan reads the row's columns.
func (c *Client) query(ctx context.Context, doing string, each func(scan func(...any) error) error, sql string,
	args ...any,
) error {
	return c.queryWithin(ctx, c.opts.Timeout, doing, each, sql, args...)
}

func (c *Client) queryWithin(
	ctx context.Context, limit time.Duration, doing string, each func(scan func(...any) error) error, sql string,
	args ...any,
) error {
	bounded, cancel := c.calls.begin(context.WithTimeout(ctx, limit))
	defer cancel()
	rows, err := c.conn.Query(bounded, sql, args...)
	if err != nil {
		return c.failure(ctx, doing, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return c.failure(ctx, doing, err)
		}
	}
	return c.failure(ctx, doing, rows.Err())
}

func (c *Client) exec(ctx context.Context, doing, sql string) error {
	return c.execWithin(ctx, c.opts.Timeout, doing, sql)
}

func (c *Client) execWithin(ctx context.Context, limit time.Duration, doing, sql string) error {
	bounded, cancel := c.calls.begin(context.WithTimeout(ctx, limit))
	defer cancel()
	return c.failure(ctx, doing, c.conn.Exec(bounded, sql))
}

// MaxVersion returns the greatest version in the destination; 0 if it is empty or does not exist.
func (c *Client) MaxVersion(ctx context.Context, d sink.Destination) (uint64, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return 0, err
	}
	var version uint64
	err = c.query(ctx, "read the last version in "+t.String(), func(scan func(...any) error) error {
		return scan(&version)
	}, "SELECT max("+quote(d.Engine.Layout().Version)+") FROM "+t.sql())
	if isMissing(err) {
		return 0, nil
	}
	return version, err
}
