// Package redis is the storage that keeps operations in Redis, each import key's in a stream of its own.
//
// The stream is the queue; a claimed batch is a range of it. Registering appends, which nothing
// else does, and only PostSync removes, exactly the range that was claimed. So nothing is ever
// moved, and nothing can be lost between two steps. docs/redis.md describes the keys and how to
// look at them.
//
// It needs Redis 6.2 or newer and imports neither Temporal nor ClickHouse, so that an application can register
// operations without an HTTP API in between.
package redis

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// Options are what a storage may be told; the zero value is useful.
type Options struct {
	// Prefix is the first part of every Redis key; empty means [chferry.DefaultRedisPrefix].
	Prefix string
	// Owner names the installation that an import key belongs to. Of a key that belongs to another
	// one nothing is registered, claimed, retried, discarded or flushed: such calls get
	// chferry.CodeConfiguration. nil, or an empty name: not asked.
	Owner func(key chferry.ImportKey) string
	// Foreign makes the error for an import key that belongs to another owner in the Redis at address, so that it
	// can say what differs. nil, or a nil error: one that names both owners.
	Foreign func(key chferry.ImportKey, address, owner string) error
	// MaxPending returns the number of operations of an import key beyond which registering is refused with
	// chferry.CodeQueueFull; 0, or nil, means no limit.
	MaxPending func(key chferry.ImportKey) int64
	// Durability is what must have kept a registration before it is acknowledged.
	Durability Durability
	// PostBatchRemoved is called by PostSync once a batch was removed: how many operations went and how many are left.
	PostBatchRemoved func(key chferry.ImportKey, removed, remaining int64)
}

// Storage keeps operations in Redis. It is safe for concurrent use.
type Storage struct {
	client redis.UniversalClient
	addr   string
	opts   Options

	registrations *group   // of all import keys, on one server
	groups        sync.Map // of each import key, *group, in a cluster
	owned         sync.Map // by import key, when it was found to be this installation's
}

var _ storage.Storage = (*Storage)(nil)

// Timeouts of one Redis command. Dialing is short, because an application waits for it.
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 5 * time.Second
)

// Open returns a storage for a URL: redis://user:password@host:port/db, rediss:// for TLS; several hosts, separated by
// commas, are the nodes of a cluster. It does not connect yet. A URL that can't be read gives CodeConfiguration.
func Open(rawURL string, opts Options) (*Storage, error) {
	cleanURL, ok := chferry.CleanURL(rawURL)
	first, others := splitHosts(cleanURL)
	single, err := redis.ParseURL(first)
	if err != nil || !ok {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err,
			"the Redis URL can't be read: write redis://user:password@host:port/db, or rediss:// for TLS")
	}
	readTimeout := ioTimeout + opts.Durability.timeout()
	if len(others) == 0 {
		single.DialTimeout, single.ReadTimeout, single.WriteTimeout = dialTimeout, readTimeout, ioTimeout
		single.ContextTimeoutEnabled = true
		single.DialerRetries = 1 // a server that is down is said at once; the caller decides about trying again
		return New(redis.NewClient(single), single.Addr, opts), nil
	}
	cluster := &redis.ClusterOptions{
		Addrs:    append([]string{single.Addr}, others...),
		Username: single.Username, Password: single.Password, TLSConfig: single.TLSConfig,
		DialTimeout: dialTimeout, ReadTimeout: readTimeout, WriteTimeout: ioTimeout,
		ContextTimeoutEnabled: true, DialerRetries: 1,
	}
	return New(redis.NewClusterClient(cluster), strings.Join(cluster.Addrs, ","), opts), nil
}

// New returns a storage on a client of the caller's, which Close closes. addr names the server in errors.
func New(client redis.UniversalClient, addr string, opts Options) *Storage {
	if opts.Prefix == "" {
		opts.Prefix = chferry.DefaultRedisPrefix
	}
	s := &Storage{client: client, addr: addr, opts: opts}
	s.registrations = &group{send: s.send}
	return s
}

// splitHosts takes all hosts but the first out of a URL.
func splitHosts(rawURL string) (first string, others []string) {
	u, err := url.Parse(rawURL)
	if err != nil || !strings.Contains(u.Host, ",") {
		return rawURL, nil
	}
	hosts := strings.Split(u.Host, ",")
	u.Host = hosts[0]
	return u.String(), hosts[1:]
}

// Close releases the connections.
func (s *Storage) Close() error { return s.client.Close() }

// keys are the Redis keys of one import key. The braces put them into one slot of a cluster.
type keys struct {
	base    string // what all of them begin with
	state   string // hash: claim, version, totals
	queue   string // stream: the operations
	aside   string // hash: operations of the claimed batch that can't be imported
	ended   string // hash: those of the batch that ended last, until they are failed operations
	failed  string // hash: failed operations
	retried string // hash: what was failed before it was registered again, until the queue has drained
	reasons string // hash: the texts of why operations failed
}

func (s *Storage) keys(key chferry.ImportKey) keys {
	base := s.opts.Prefix + ":{" + string(key) + "}:"
	return keys{
		base: base, state: base + "state", queue: base + "queue",
		aside: base + "aside", ended: base + "ended", failed: base + "failed", retried: base + "retried",
		reasons: base + "reasons",
	}
}

// tidied are the keys that tidy.lua works on, in its order.
func (k keys) tidied() []string {
	return []string{k.state, k.queue, k.ended, k.failed, k.retried, k.reasons}
}

func (k keys) all() []string { return append(append(k.tidied(), k.aside), k.jobKeys()...) }

// run runs a script of this package; its reply is a list whose first element is a word.
func (s *Storage) run(ctx context.Context, doing string, script *redis.Script, keys []string,
	args ...any,
) (string, []any, error) {
	reply, err := script.Run(ctx, s.client, keys, args...).Slice()
	if err != nil {
		return "", nil, s.translate(err, doing)
	}
	word, _ := reply[0].(string)
	return word, reply[1:], nil
}
