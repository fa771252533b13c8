package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
)

// head is what every configuration needs.
const head = `redis: {url: redis://127.0.0.1:6379/0}
clickhouse: {url: "clickhouse://127.0.0.1:9000/default"}
databases: {default: {url: "postgres://127.0.0.1/shop"}, eu: {url: "postgres://127.0.0.1/eu"}}
`

// secret stands in every place where a value may be one; no error may hold it.
const secret = "hunter2"

func getenv(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}

func load(t *testing.T, text string, env map[string]string) (*config.Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "chferry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(path, getenv(env))
}

func mustLoad(t *testing.T, text string, env map[string]string) *config.Config {
	t.Helper()
	cfg, err := load(t, text, env)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return cfg
}

func TestLoadExample(t *testing.T) {
	t.Parallel()
	got, err := config.Load("testdata/chferry.yaml", getenv(map[string]string{
		"CLICKHOUSE_PASSWORD": "c#'\": {x", "PGPASSWORD": "line\nredis: {url: x}", "CHFERRY_TOKEN": "token-1",
	}))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	want := &config.Config{
		Temporal: config.Temporal{
			Address: "127.0.0.1:7233", Namespace: "default", TaskQueue: "chferry",
			IDPrefix: "chferry",
		},
		Redis: config.Redis{
			URL: "redis://127.0.0.1:6379/0", Prefix: "chferry", Replicas: 1, AOF: true,
			Timeout: 2 * time.Second,
		},
		ClickHouse: config.ClickHouse{URL: "clickhouse://default:c%23%27%22%3A%20%7Bx@127.0.0.1:9000/default"},
		Databases: map[string]config.Database{
			"default": {URL: "postgres://app:line%0Aredis%3A%20%7Burl%3A%20x%7D@127.0.0.1:5432/shop"},
			"archive": {
				URL:       "postgres://app:line%0Aredis%3A%20%7Burl%3A%20x%7D@127.0.0.1:5432/archive",
				StandbyOf: "postgres://app:line%0Aredis%3A%20%7Burl%3A%20x%7D@127.0.0.1:5433/archive",
			},
		},
		API:     config.API{Listen: "127.0.0.1:8088", Tokens: []string{"token-1"}},
		Metrics: config.Metrics{Listen: "127.0.0.1:9464"},
		Imports: []chferry.Import{
			{
				Key: "users", Databases: []string{"default"}, Table: "public.users", PrimaryKey: []string{"id"},
				Exclude: []string{"password_hash"}, Rename: map[string]string{"created": "created_at"},
				Cast:             map[string]string{"score": "Decimal(38, 10)"},
				DestinationTable: "users", Engine: "replacing_merge_tree", OrderBy: []string{"id"},
				Options: chferry.TableOptions{
					PartitionBy: "intDiv(id, 1000000)", TTL: "created_at + INTERVAL 2 YEAR TO VOLUME 'cold'",
					Settings: map[string]string{"index_granularity": "4096"},
					Codecs:   map[string]string{"created_at": "Delta, ZSTD(3)"},
				},
				BatchSize: 100_000, MaxPending: 10_000_000, Every: 5 * time.Second, Jitter: 2 * time.Second,
				Limits: chferry.Limits{
					MaxBatches: 50, MaxDuration: 30 * time.Minute, RetryFor: 5 * time.Minute,
					Lease: 2 * time.Minute, HeartbeatTimeout: 15 * time.Second, InsertTimeout: 2 * time.Hour,
				},
				SyncOnRegister: true, NudgeInterval: 500 * time.Millisecond,
			},
			{
				Key: "orders", Databases: []string{"default", "archive"}, Table: "public.orders",
				PrimaryKey: []string{"shop_id", "number"}, DestinationTable: "all_orders",
				Engine: "replacing_merge_tree",
				Options: chferry.TableOptions{
					Cluster: "main",
					Replicated: &chferry.Replication{
						Path:    "/clickhouse/tables/{shard}/all_orders",
						Replica: "{replica}",
					},
				},
				DatabaseColumn: "source", BatchSize: 100_000, Cron: "*/5 * * * *", TimeZone: "Europe/Paris",
			},
			{
				Key: "countries", Databases: []string{"default"}, Table: "public.countries",
				DestinationTable: "countries", Engine: "replacing_merge_tree", BatchSize: 100_000,
			},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head, nil)
	if got, want := cfg.Temporal, (config.Temporal{TaskQueue: "chferry", IDPrefix: "chferry"}); got != want {
		t.Errorf("temporal: got %+v, want %+v", got, want)
	}
	if got, want := cfg.API.Listen, "127.0.0.1:8088"; got != want {
		t.Errorf("api.listen: got %s, want %s", got, want)
	}
	if len(cfg.Imports) != 0 || len(cfg.API.Tokens) != 0 || cfg.Metrics.Listen != "" {
		t.Errorf("got imports %v, tokens %v, metrics %v; want none", cfg.Imports, cfg.API.Tokens, cfg.Metrics)
	}
}

func TestLoadNudges(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head+`imports:
- {key: a, table: a, sync_on_register: true}
- {key: b, table: b, sync_on_register: false}
- {key: c, table: c, sync_on_register: true, nudge_interval: 100ms}
`, nil)
	for n, want := range []chferry.Import{
		{SyncOnRegister: true, NudgeInterval: time.Second},
		{},
		{SyncOnRegister: true, NudgeInterval: 100 * time.Millisecond},
	} {
		if got := cfg.Imports[n]; got.SyncOnRegister != want.SyncOnRegister || got.NudgeInterval != want.NudgeInterval {
			t.Errorf("%s: got %t, %s; want %t, %s",
				got.Key, got.SyncOnRegister, got.NudgeInterval, want.SyncOnRegister, want.NudgeInterval)
		}
	}
}

// The path of a file is what stands behind the colon.
func TestLoadFiles(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"sqlite:/var/lib/shop 100%/shop.db", "sqlite:shop.db", "sqlite:../shop#1.db"} {
		cfg := mustLoad(t, strings.Replace(head, "postgres://127.0.0.1/eu", url, 1), nil)
		if got := cfg.Databases["eu"].URL; got != url {
			t.Errorf("got %q, want %q", got, url)
		}
	}
}

// A value is what is written, whatever YAML would take it for.
func TestLoadScalars(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head+`
api:
  tokens: [0123, 1e3, true, 'it''s', "a\u0062c", "$${NAME}", "$HOME", "${A}${A}-$${A}"]
temporal:
  namespace: |-
    literal
  task_queue: >-
    folded
`, map[string]string{"A": "x$${B}"})
	want := []string{"0123", "1e3", "true", "it's", "abc", "${NAME}", "$HOME", "x$${B}x$${B}-${A}"}
	if got := cfg.API.Tokens; !reflect.DeepEqual(got, want) {
		t.Errorf("tokens: got %q, want %q", got, want)
	}
	if cfg.Temporal.Namespace != "literal" || cfg.Temporal.TaskQueue != "folded" {
		t.Errorf("block scalars: got %q, %q", cfg.Temporal.Namespace, cfg.Temporal.TaskQueue)
	}
}

// TestWeaknesses: a token that can be guessed is accepted, and named by its number alone.
func TestWeaknesses(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head+"api: {tokens: [abcdefghijklmnop, hunter2, abcdefghijklmno]}", nil)
	got := cfg.API.Weaknesses()
	if len(got) != 2 || !strings.HasPrefix(got[0], "token number 2 of api.tokens has fewer than 16 characters") ||
		!strings.HasPrefix(got[1], "token number 3 ") || strings.Contains(got[0], "hunter2") {
		t.Errorf("got %q", got)
	}
}

// TestDefaultDestination is the source table's name, without its schema.
func TestDefaultDestination(t *testing.T) {
	t.Parallel()
	for table, want := range map[string]string{
		"users": "users", "public.users": "users", `public."Users"`: `"Users"`, `"a.b"."c.d"`: `"c.d"`,
		`"a.b".users`:     "users",
		`"a"".b"."c"".d"`: `"c"".d"`, `odd"name`: `odd"name`, `s.odd"na.me`: "me", `"open.end`: `"open.end`,
	} {
		cfg := mustLoad(t, head+"imports: [{key: users, table: '"+table+"'}]", nil)
		if got := cfg.Imports[0].DestinationTable; got != want {
			t.Errorf("%s: got %s, want %s", table, got, want)
		}
	}
}

func TestReplicatedByDefault(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head+"imports: [{key: users, table: users, columns: {include: [id, name]}, destination: "+
		"{replicated: {}}}]", nil)
	i := cfg.Imports[0]
	if i.Options.Replicated == nil || *i.Options.Replicated != (chferry.Replication{}) ||
		!reflect.DeepEqual(i.Include, []string{"id", "name"}) {
		t.Errorf("got %+v", i)
	}
}

// A limit that may be none can be written as such.
func TestLoadNoLimit(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head+"imports: [{key: users, table: users, max_duration: 0}]", nil)
	if got := cfg.Imports[0].Limits; got != (chferry.Limits{}) {
		t.Errorf("got %+v, want none", got)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	cfg := mustLoad(t, head+"imports: [{key: users, table: users}, {key: orders, table: orders}]", nil)
	i, err := cfg.Import("orders")
	if err != nil || i.Key != "orders" {
		t.Errorf("got %v, %v; want orders", i.Key, err)
	}
	_, err = cfg.Import("nope")
	if chferry.CodeOf(err) != chferry.CodeUnknownKey ||
		!strings.Contains(err.Error(), `"nope" is not configured: there are users, orders`) {
		t.Errorf("unknown key: got %v (%s)", err, chferry.CodeOf(err))
	}
	if _, err = cfg.Import("User"); !strings.HasSuffix(err.Error(), `"User" is not configured: did you mean users?`) {
		t.Errorf("misspelt key: got %v", err)
	}
	if _, err := (&config.Config{}).Import("x"); !strings.Contains(err.Error(), "there are no imports") {
		t.Errorf("without imports: got %v", err)
	}
}

func TestLoadMissingFile(t *testing.T) {
	t.Parallel()
	_, err := config.Load(filepath.Join(t.TempDir(), "nope.yaml"), getenv(nil))
	if chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v (%s)", err, chferry.CodeOf(err))
	}
	_, err = config.Load(t.TempDir(), getenv(nil))
	if chferry.CodeOf(err) != chferry.CodeConfiguration || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("a folder: got %v (%s)", err, chferry.CodeOf(err))
	}
}
