// Package postgres reads rows from PostgreSQL 12 and later.
//
// Every read is one read-only transaction that first asks where it is. A standby, unless its
// primary was given to compare it with, or another database than the one this source saw first, is
// refused before a row is looked at, also when a pooler such as PgBouncer changes the server behind
// a connection that stays open. For the same reason no setting and no prepared statement outlives
// its transaction.
package postgres

import (
	"context"
	"errors"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

const (
	defaultConnections = 4
	// A server that does not answer is found out within this time; connect_timeout in the URL may shorten it.
	connectTimeout = 5 * time.Second
	// A statement is ended by the server after this time, unless the URL has a statement_timeout.
	statementTimeout = time.Minute
	// A server that should have ended a statement by itself is given up after this time more.
	grace = 10 * time.Second
	// A connection that was idle is asked whether it still leads anywhere, and has so long to answer.
	pingTimeout = 3 * time.Second
	// What stands between, such as a NAT or a load balancer, forgets connections that are idle for some minutes.
	maxIdleTime = 2 * time.Minute
	// Close waits so long for reads that are under way.
	closePatience = 3 * time.Second
)

// Source reads one PostgreSQL database. Its methods may be called at the same time.
type Source struct {
	pool    *pgxpool.Pool
	alias   string
	sockets sockets
	address string        // host:port, all of them if the URL has several; for errors
	timeout time.Duration // of a statement; 0: none
	opening []statement

	maxBytes    int   // of the rows of one Fetch, and of a page
	fewRows     int64 // of a range when a table is cut
	mostCounted int   // keys that are gone through to find the middle
	// parameters are the names of the settings that are sent when a connection starts.
	parameters []string
	schema     string      // of tables that are named without one; empty: as the server's search path says
	markless   atomic.Bool // the server does not tell how far it is in the log

	primary  *Source       // is asked for its position when pool leads to a standby; nil: standbys are refused
	patience time.Duration // with a primary that does not answer and a standby that lags behind

	mu    sync.Mutex
	where place // the database seen first; zero before
}

var _ source.Open = Open

// Open opens the database that a postgres:// URL leads to. The URL's parameters are libpq's, among
// them sslmode, connect_timeout and statement_timeout. It does not connect. It returns
// [chferry.CodeConfiguration] for a URL that can't be read.
//
// With opts.Primary a standby is read too, once it has replayed what the primary had when the read
// began. A read waits for that at most 30 s and then returns [chferry.CodeUnavailable]. A primary
// that is not the standby's is [chferry.CodeConfiguration].
func Open(url string, opts source.Options) (source.Source, error) {
	s, err := open(url, "url", opts)
	if err != nil {
		return nil, err
	}
	if opts.Primary == "" {
		return s, nil
	}
	opts.MaxConnections = 1 // for a question that is soon answered
	if s.primary, err = open(opts.Primary, "standby_of", opts); err != nil {
		s.Close()
		return nil, err
	}
	s.primary.address += " (standby_of)"
	return s, nil
}

// open opens the server that the URL of a setting leads to.
func open(url, setting string, opts source.Options) (*Source, error) {
	clean, ok := chferry.CleanURL(url)
	var config *pgxpool.Config
	err := errBehindHost
	if ok {
		config, err = pgxpool.ParseConfig(clean)
	}
	if err != nil {
		// The cause may quote the password, which the caller did not ask to see: it is not kept.
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"the %s of database %q can't be read: it must look like postgres://user:password@host:5432/database, with "+
				"special characters of the password written as %%XX (@ as %%40, / as %%2F), and files it names must "+
				"exist", setting, opts.Alias)
	}
	s := &Source{
		alias: opts.Alias, address: addresses(&config.ConnConfig.Config), patience: replayPatience,
		maxBytes: opts.FetchBytes(), fewRows: fewRows, mostCounted: mostCounted,
	}
	if s.timeout, err = timeoutOf(config.ConnConfig.RuntimeParams, setting, opts.Alias); err != nil {
		return nil, err
	}
	if s.schema, err = parametersOf(config.ConnConfig.RuntimeParams, setting, opts.Alias); err != nil {
		return nil, err
	}
	s.parameters = slices.Sorted(maps.Keys(config.ConnConfig.RuntimeParams))
	s.opening = s.openingStatements()
	s.configure(config, opts.MaxConnections)
	if s.pool, err = pgxpool.NewWithConfig(context.Background(), config); err != nil {
		return nil, chferry.Errorf(chferry.CodeConfiguration, "the connection pool of database %q can't be made",
			opts.Alias)
	}
	return s, nil
}

var errBehindHost = errors.New("an @ stands behind the host")

// configure adds what the URL does not say.
func (s *Source) configure(config *pgxpool.Config, connections int) {
	if config.MaxConns = defaultConnections; connections > 0 {
		config.MaxConns = int32(min(connections, math.MaxInt32))
	}
	config.MinConns, config.MinIdleConns = 0, 0
	config.PingTimeout, config.MaxConnIdleTime = pingTimeout, maxIdleTime
	connect := config.ConnConfig
	connect.DialFunc = s.sockets.dialer(connect.DialFunc)
	if connect.ConnectTimeout <= 0 || connect.ConnectTimeout > connectTimeout { // 0: without a bound
		connect.ConnectTimeout = connectTimeout
	}
	connect.RuntimeParams["client_encoding"] = "UTF8"
	if connect.RuntimeParams["application_name"] == "" {
		connect.RuntimeParams["application_name"] = "chferry"
	}
}

// timeoutOf takes the statement timeout out of what is sent when a connection starts, where poolers refuse it.
func timeoutOf(params map[string]string, setting, alias string) (time.Duration, error) {
	const name = "statement_timeout"
	text, ok := params[name]
	if !ok {
		return statementTimeout, nil
	}
	delete(params, name)
	if ms, err := strconv.ParseInt(text, 10, 32); err == nil && ms >= 0 {
		return time.Duration(ms) * time.Millisecond, nil
	}
	d, err := time.ParseDuration(strings.Replace(text, "min", "m", 1))
	if err != nil || d < 0 || d > math.MaxInt32*time.Millisecond {
		return 0, chferry.Errorf(chferry.CodeConfiguration,
			"the %s of database %q has a statement_timeout that can't be read: it must be milliseconds, or look like "+
				"30s or 5min", setting, alias)
	}
	return d, nil
}

// addresses lists the servers of a configuration, each once.
func addresses(config *pgconn.Config) string {
	addressOf := func(host string, port uint16) string {
		// A host with an @ has part of a password in it, however the URL was read.
		return net.JoinHostPort(host[strings.LastIndexByte(host, '@')+1:], strconv.Itoa(int(port)))
	}
	list := []string{addressOf(config.Host, config.Port)}
	for _, fallback := range config.Fallbacks {
		address := addressOf(fallback.Host, fallback.Port)
		if !slices.Contains(list, address) {
			list = append(list, address)
		}
	}
	return strings.Join(list, ", ")
}

// Check implements [source.Source].
func (s *Source) Check(ctx context.Context) error {
	return s.transaction(ctx, "")
}

// Close implements [source.Source]. It waits for reads that are under way, but not long: then it
// takes their connections away.
func (s *Source) Close() {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.pool.Close()
	}()
	if s.primary != nil {
		s.primary.Close()
	}
	for range 2 {
		select {
		case <-closed:
			return
		case <-time.After(closePatience):
			s.sockets.close()
		}
	}
}
