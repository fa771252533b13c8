// Package config turns chferry.yaml into one checked struct, so that a mistake in it is told with its line before
// anything is connected, and no other package has to doubt what it is given.
package config

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/chferry/chferry"
)

// What a setting is when the file does not say. Other packages know the defaults in the root package, too.
const (
	DefaultListen        = "127.0.0.1:8088" // of the API
	DefaultNudgeInterval = time.Second
)

// MaxBatchSize is the greatest batch_size, in operations.
const MaxBatchSize = 1_000_000

// Config is a configuration that passed every check that needs no server.
type Config struct {
	Temporal   Temporal
	Redis      Redis
	ClickHouse ClickHouse
	Databases  map[string]Database // by alias
	API        API
	Metrics    Metrics
	Imports    []chferry.Import // in the order of the file
}

// Temporal says where workflows run and how they are named.
type Temporal struct {
	Address   string // host:port; empty: the SDK's default
	Namespace string // empty: the SDK's default
	TaskQueue string
	IDPrefix  string // stands before the colon of every workflow and schedule ID
}

// Redis says where operations are kept.
type Redis struct {
	URL    string // redis:// or rediss://
	Prefix string // begins every key

	// What must have kept a registration before it is acknowledged.
	Replicas int           // so many replicas
	AOF      bool          // the append-only files
	Timeout  time.Duration // for that; 0: the storage's default
}

// ClickHouse says where rows go.
type ClickHouse struct {
	URL string // clickhouse://, http:// or https://
}

// API says how the HTTP API is reached.
type API struct {
	Listen string   // host:port
	Tokens []string // bearer tokens; none only when Listen is a loopback address
}

// Metrics says where the worker serves its metrics.
type Metrics struct {
	Listen string // host:port; empty: nowhere
}

// Load reads the configuration file at path. A ${NAME} in a value becomes what getenv returns for NAME, $${ a plain ${.
// The error has [chferry.CodeConfiguration] and tells every mistake found, one a line, as "path:line: what to mend";
// it never holds a value that may be a secret.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err,
			"%s does not exist: write it, or name another file with --config or CHFERRY_CONFIG", path)
	}
	if err != nil {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err, "%s can't be read: check its permissions", path)
	}
	found := &problems{file: path}
	cfg := build(parse(text, getenv, found))
	if err := found.err(); err != nil {
		return nil, err
	}
	return cfg, nil
}

func build(file *section) *Config {
	if file == nil {
		return nil
	}
	cfg := &Config{}
	cfg.Temporal = readTemporal(file.section("temporal"))
	cfg.Redis = readRedis(file.section("redis"))
	cfg.ClickHouse.URL = readURL(file.section("clickhouse"), "clickhouse", "http", "https")
	cfg.Databases = readDatabases(file.section("databases"))
	cfg.API = readAPI(file.section("api"))
	cfg.Metrics = readMetrics(file.section("metrics"))
	cfg.Imports = readImports(file.sections("imports"), cfg.Databases, clickHouseDatabase(cfg.ClickHouse.URL))
	file.end()
	return cfg
}

// Import returns the import with this key, or [chferry.CodeUnknownKey] with the keys that there are.
func (c *Config) Import(key string) (chferry.Import, error) {
	for _, i := range c.Imports {
		if string(i.Key) == key {
			return i, nil
		}
	}
	return chferry.Import{}, chferry.Errorf(chferry.CodeUnknownKey, "import key %.140q is not configured: %s",
		key, c.knownKeys(key))
}

// knownKeys says which import key an unknown one is likely to stand for, or which there are.
func (c *Config) knownKeys(unknown string) string {
	const shown = 10
	known := make([]string, len(c.Imports))
	for n, i := range c.Imports {
		known[n] = string(i.Key)
	}
	const longest = 128 // of an import key: the time to compare grows with the length
	if near := nearest(unknown[:min(len(unknown), longest)], known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(c.Imports) == 0 {
		return "there are no imports"
	}
	keys := make([]string, 0, shown+1)
	for _, i := range c.Imports[:min(shown, len(c.Imports))] {
		keys = append(keys, string(i.Key))
	}
	if len(c.Imports) > shown {
		keys = append(keys, "…")
	}
	return "there are " + strings.Join(keys, ", ")
}

// QualifiedTable returns the database and the table that an import fills, as database.table.
func (c *Config) QualifiedTable(imp chferry.Import) string {
	database, table := tableName(imp.DestinationTable)
	if database == "" {
		database = clickHouseDatabase(c.ClickHouse.URL)
	}
	return database + "." + table
}
