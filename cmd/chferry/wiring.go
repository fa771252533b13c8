package main

import (
	"maps"
	"slices"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/source/sqlite"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage/redis"
)

// sources open the databases of each driver.
var sources = map[config.Driver]source.Open{
	config.PostgreSQL: postgres.Open,
	config.SQLite:     sqlite.Open,
}

// load loads the configuration. Of Temporal's namespace it has what is in force: the environment wins.
func (a *app) load() (*config.Config, error) {
	cfg, err := config.Load(a.configPath, a.getenv)
	if err != nil {
		return nil, err
	}
	cfg.Temporal.Namespace, err = starter.Namespace(starter.Options{
		Namespace: cfg.Temporal.Namespace, Environment: envconfig.EnvLookupOS,
	})
	return cfg, err
}

// loadKey loads the configuration and looks an import key up in it.
func (a *app) loadKey(key string) (*config.Config, chferry.Import, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, chferry.Import{}, err
	}
	imp, err := cfg.Import(key)
	return cfg, imp, err
}

func openStorage(live *config.Live) (*redis.Storage, error) {
	opts := storageOptions(live)
	opts.MaxPending = func(key chferry.ImportKey) int64 {
		imp, _ := live.Import(key)
		return imp.MaxPending
	}
	return redis.Open(live.Config().Redis.URL, opts)
}

// openWorkerStorage opens a storage without max_pending: a sync puts back what waits for a database
// before its batch makes room.
func openWorkerStorage(live *config.Live, removed func(chferry.ImportKey, int64, int64)) (*redis.Storage, error) {
	opts := storageOptions(live)
	opts.PostBatchRemoved = removed
	return redis.Open(live.Config().Redis.URL, opts)
}

func storageOptions(live *config.Live) redis.Options {
	cfg := live.Config()
	return redis.Options{
		Prefix:     cfg.Redis.Prefix,
		Owner:      owners(live),
		Foreign:    foreign(live),
		Durability: redis.Durability{Replicas: cfg.Redis.Replicas, AOF: cfg.Redis.AOF, Timeout: cfg.Redis.Timeout},
	}
}

func (a *app) openStarter(cfg *config.Config, metrics client.MetricsHandler) (*starter.Starter, error) {
	return starter.New(starter.Options{
		Address: cfg.Temporal.Address, Namespace: cfg.Temporal.Namespace,
		TaskQueue: cfg.Temporal.TaskQueue, IDPrefix: cfg.Temporal.IDPrefix,
		Environment: envconfig.EnvLookupOS, Metrics: metrics, Log: a.log,
	})
}

// newSources returns the databases of a configuration, none of them open yet.
func newSources(live *config.Live) *source.Pool[config.Database] {
	return source.NewPool(live.Database, openSource)
}

// openSources opens the databases that imports use, and returns what closes them.
func openSources(cfg *config.Config, imports []chferry.Import) (map[string]source.Source, func(), error) {
	pool := newSources(config.NewLive(cfg))
	opened, _, err := pool.Use(usedDatabases(imports)...)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return opened, pool.Close, nil
}

// usedDatabases returns the aliases of the databases that imports use, sorted.
func usedDatabases(imports []chferry.Import) []string {
	used := map[string]bool{}
	for _, imp := range imports {
		for _, alias := range imp.Databases {
			used[alias] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

func openSource(alias string, database config.Database) (source.Source, error) {
	open, ok := sources[database.Driver()]
	if !ok {
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"database %s: this program has no driver for its url: use another kind of database", alias)
	}
	return open(database.URL, source.Options{Alias: alias, Primary: database.StandbyOf})
}

func openSink(cfg *config.Config) (sink.Sink, error) {
	return clickhouse.Open(cfg.ClickHouse.URL, clickhouse.Options{})
}
