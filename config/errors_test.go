package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/engine"
)

// users is a configuration whose only import can be continued: the next line is the seventh.
const users = head + "imports:\n- key: users\n  table: public.users\n"

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []string // one a line, each the beginning behind the path
	}{
		"unknown key": {
			head + "shards: 2",
			[]string{"4: unknown key shards: the keys there are temporal, redis, clickhouse, databases, api, " +
				"metrics, imports"},
		},
		"misspelt key": {head + "redsi: {url: x}", []string{"4: unknown key redsi: did you mean redis?"}},
		"unknown keys of imports": {
			users + "  colour: red\n  shape: round\n- {key: orders, table: orders, shape: round}",
			[]string{
				"7: unknown key colour in imports[0]: the keys there are key, database, databases, table, primary_key",
				"8: unknown key shape in imports[0]: the keys there are told above",
				"9: unknown key shape in imports[1]: the keys there are told above",
			},
		},
		"beginning of a key": {
			users + "  batch: 5",
			[]string{"7: unknown key batch in imports[0]: did you mean batch_size?"},
		},
		"key in other letters": {
			users + "  maxPending: 5",
			[]string{"7: unknown key maxPending in imports[0]: did you mean max_pending?"},
		},
		"key of another mapping": {
			users + "  every: 5s",
			[]string{"7: unknown key every in imports[0]: it belongs in imports[0].schedule"},
		},
		"key of two mappings": {
			head + "listen: ':1'",
			[]string{"4: unknown key listen: it belongs in api or metrics"},
		},
		"unknown key inside": {
			users + "  schedule: {evry: 5s}",
			[]string{
				"7: imports[0].schedule must have either every or cron",
				"7: unknown key evry in imports[0].schedule: did you mean every?",
			},
		},
		"secret as key": {
			"redis: {redis://hunter2@h: }\n" + head[strings.Index(head, "\n")+1:],
			[]string{"1: redis.url is missing", "1: unknown key in redis: the keys there are url, prefix, durability"},
		},
		"durability": {"redis: {url: redis://h, durability: {replicas: -1, aof: 1, timeout: 5s, wait: 1}}\n" +
			head[strings.Index(head, "\n")+1:], []string{
			"1: redis.durability.replicas must be a whole number from 0 to 100",
			"1: redis.durability.aof must be true or false",
			"1: redis.durability.timeout must be from 1ms to 4s",
			"1: unknown key wait in redis.durability: the keys there are replicas, aof, timeout",
		}},
		"several mistakes": {
			"redis: {url: x}\nclickhouse: {}\nimports: 5",
			[]string{
				"1: redis.url must start with redis://, rediss://",
				"2: clickhouse.url is missing: write one that starts with clickhouse://, http://, https://",
				"3: imports must be a list",
			},
		},
		"empty file": {"", []string{"1: redis.url is missing", "1: clickhouse.url is missing"}},
		"a list": {
			"- 5",
			[]string{"1: the file must be a mapping", "1: redis.url", "1: clickhouse.url"},
		},
		"two documents":      {head + "---\na: 1", []string{"4: a second YAML document"}},
		"not YAML":           {head + "api: {tokens: [hunter2", []string{"4: not YAML: "}},
		"not YAML, indented": {head + "api:\n  tokens: hunter2\n    more: hunter2", []string{"5: not YAML: "}},
		"variable in braces": {
			head + "api: {listen: ${LISTEN}}",
			[]string{"4: not YAML: ',' or '}' must be specified; inside {…} and […] write \"${NAME}\" in quotes"},
		},
		"not UTF-8": {"a: \xff", []string{"1: the file is not UTF-8"}},
		"key twice": {head + "redis: {url: redis://h}", []string{"4: this key stands twice"}},
		"anchor": {
			head + "api: &a\n  listen: 127.0.0.1:1",
			[]string{"4: an anchor (&name) is not supported"},
		},
		"not a mapping": {head + "api: hunter2", []string{"4: api must be a mapping"}},
		"not a list":    {head + "api:\n  tokens: hunter2", []string{"5: api.tokens must be a list"}},
		"not a scalar": {
			head + "api:\n  listen: [hunter2]",
			[]string{"5: api.listen must be a single plain value"},
		},
		"no value": {
			head + "api:\n  listen:\n  tokens: [~]",
			[]string{"5: api.listen has no value", "6: api.tokens[0] has no value"},
		},
		"unset variable": {
			head + "api:\n  tokens:\n  - good\n  - ${UNSET}",
			[]string{"7: api.tokens[1]: the environment variable UNSET is not set"},
		},
		"variable with a default": {
			head + "api:\n  listen: ${A:-hunter2}",
			[]string{"5: api.listen: a ${ must be followed by a variable's name"},
		},
		"open variable": {
			head + "api:\n  listen: ${hunter2",
			[]string{"5: api.listen: a ${ must be followed by a variable's name"},
		},
		"no host": {
			"redis: {url: \"redis://\"}\n" + head[strings.Index(head, "\n")+1:],
			[]string{"1: redis.url names no host"},
		},
		"database url": {
			strings.Replace(head, "postgres://127.0.0.1/eu", "mysql://u:hunter2@h/eu", 1),
			[]string{"3: databases.eu.url has the scheme mysql, which is not supported yet: use postgres://, " +
				"postgresql://"},
		},
		"database file on a host": {
			strings.Replace(head, "postgres://127.0.0.1/eu", "sqlite://hunter2.db", 1),
			[]string{"3: databases.eu.url must look like sqlite:/path/to/file.db or sqlite:relative.db"},
		},
		"database file, mode": {
			strings.Replace(head, "postgres://127.0.0.1/eu", "sqlite:hunter2.db?mode=rwc", 1),
			[]string{"3: databases.eu.url must look like sqlite:/path/to/file.db"},
		},
		"database file, no name": {
			strings.Replace(head, "postgres://127.0.0.1/eu", "sqlite:", 1),
			[]string{"3: databases.eu.url must look like sqlite:/path/to/file.db"},
		},
		"database scheme": {
			strings.Replace(head, "postgres://127.0.0.1/eu", "oracle://u:hunter2@h/eu", 1),
			[]string{"3: databases.eu.url must start with postgres://, postgresql://, sqlite:"},
		},
		"file as Redis": {
			"redis: {url: sqlite:hunter2.db}\n" + head[strings.Index(head, "\n")+1:],
			[]string{"1: redis.url must start with redis://, rediss://"},
		},
		"standby of a file": {
			strings.Replace(head, "postgres://127.0.0.1/eu\"}",
				"sqlite:hunter2.db\", standby_of: \"postgres://127.0.0.1/eu\"}", 1),
			[]string{"3: databases.eu.standby_of is only for database servers"},
		},
		"database without url": {
			strings.Replace(head, `{url: "postgres://127.0.0.1/eu"}`, "{}", 1),
			[]string{"3: databases.eu.url is missing"},
		},
		"standby of another kind": {
			strings.Replace(head, "/eu\"}", "/eu\", standby_of: \"mysql://u:hunter2@h/eu\"}", 1),
			[]string{"3: databases.eu.standby_of has the scheme mysql, which is not supported yet: use " +
				"postgres://, postgresql://"},
		},
		"standby of no host": {
			strings.Replace(head, "/eu\"}", "/eu\", standby_of: \"postgres://\"}", 1),
			[]string{"3: databases.eu.standby_of names no host"},
		},
		"standby of nothing": {
			strings.Replace(head, "/eu\"}", "/eu\", standby_of: }", 1),
			[]string{"3: databases.eu.standby_of has no value"},
		},
		"standby of unset": {
			strings.Replace(head, "/eu\"}", "/eu\", standby_of: \"${UNSET}\"}", 1),
			[]string{"3: databases.eu.standby_of: the environment variable UNSET is not set"},
		},
		"unknown key of database": {
			strings.Replace(head, "/eu\"}", "/eu\", standby: true}", 1),
			[]string{"3: unknown key standby in databases.eu: did you mean standby_of?"},
		},
		"api without tokens": {
			head + "api:\n  listen: :8088",
			[]string{"5: api.listen is not a loopback address"},
		},
		"api with no tokens": {
			head + "api:\n  listen: 0.0.0.0:8088\n  tokens: []",
			[]string{"5: api.listen is not a loopback address"},
		},
		"empty token": {
			head + "api:\n  tokens: [x, \"\"]",
			[]string{"5: api.tokens holds a token, number 2, that is empty or has white space"},
		},
		"token with newline": {
			head + "api:\n  tokens: [\"hunter2\\n\"]",
			[]string{"5: api.tokens holds a token, number 1"},
		},
		"listen without port": {
			head + "api: {listen: 127.0.0.1}\nmetrics: {listen: \"h:99999\"}",
			[]string{"4: api.listen must be an address and a port", "5: metrics.listen must be an address and a port"},
		},
		"empty task queue": {head + "temporal: {task_queue: \"\"}", []string{"4: temporal.task_queue is empty"}},

		"no import key": {head + "imports:\n- table: t", []string{"5: imports[0].key is missing"}},
		"bad import key": {
			head + "imports:\n- {key: 1a, table: t}",
			[]string{"5: imports[0].key must be a letter"},
		},
		"import key twice": {
			users + "- {key: users, table: x}",
			[]string{"7: imports[1].key users stands twice"},
		},
		"no table": {head + "imports:\n- key: a", []string{"5: imports[0].table is missing"}},
		"shared destination": {
			users + "- key: u2\n  table: other.users",
			[]string{"7: imports[1].destination is users, which import users writes to"},
		},
		"shared when qualified": {
			users + "- key: u2\n  table: other\n  destination: {table: default.users}",
			[]string{"9: imports[1].destination is default.users, which import users"},
		},
		"shared in quotes": {
			users + "- key: u2\n  table: other\n  destination: {table: '`default`.\"users\"'}",
			[]string{"9: imports[1].destination is `default`.\"users\", which import users"},
		},
		"destination is a view": {
			users + "- key: u2\n  table: users_current",
			[]string{"7: imports[1].destination is users_current, which import users"},
		},
		"unknown database": {
			users + "  database: us",
			[]string{`7: imports[0].database names "us", which databases does not have: ` +
				`add it there, or use one of default, eu`},
		},
		"both forms of database": {
			users + "  database: eu\n  databases: [eu]",
			[]string{"8: imports[0].databases and database exclude each other"},
		},
		"no databases": {users + "  databases: []", []string{"7: imports[0].databases names no database"}},
		"database twice": {
			users + "  databases: [eu, eu]\n  destination: {database_column: d}",
			[]string{`7: imports[0].databases names "eu" twice`},
		},
		"no database column": {
			users + "  databases: [default, eu]",
			[]string{"5: imports[0].destination.database_column is missing"},
		},
		"needless column": {
			users + "  destination: {database_column: d}",
			[]string{"7: imports[0].destination.database_column is only for imports with several databases"},
		},
		"engine": {
			users + "  destination: {engine: log}",
			[]string{"7: imports[0].destination.engine must be " + strings.Join(engine.Names(), " or ")},
		},
		"empty column": {
			users + "  primary_key: [id, '']\n  columns: {exclude: [a, a], rename: {b: ''}}",
			[]string{
				"7: imports[0].primary_key holds an empty name", `8: imports[0].columns.exclude names "a" twice`,
				"8: imports[0].columns.rename gives a column an empty name",
			},
		},
		"include and exclude": {
			users + "  columns: {include: [a], exclude: [b]}",
			[]string{"7: imports[0].columns.include and exclude exclude each other"},
		},
		"include nothing": {
			users + "  columns: {include: []}",
			[]string{"7: imports[0].columns.include names no column"},
		},
		"cast to nothing": {
			users + "  columns: {cast: {a: ''}}",
			[]string{"7: imports[0].columns.cast is empty"},
		},
		"cast of two": {
			users + "  columns: {cast: {a: 'Int8) -- hunter2'}}",
			[]string{"7: imports[0].columns.cast has a ) that closes nothing: it becomes part of a statement as it is"},
		},
		"expressions": {users + "  destination:\n    partition_by: f(a\n    ttl: a; b\n    codec: {b: " +
			"'ZSTD(3'}", []string{
			"8: imports[0].destination.partition_by has a ( that is not closed",
			"9: imports[0].destination.ttl has a ';'",
			"10: imports[0].destination.codec has a ( that is not closed",
		}},
		"empty cluster": {
			users + "  destination: {cluster: ''}",
			[]string{"7: imports[0].destination.cluster is empty"},
		},
		"half a replica": {
			users + "  destination: {replicated: {path: /a}}",
			[]string{"7: imports[0].destination.replicated must have both path and replica"},
		},
		"replicated yes": {
			users + "  destination: {replicated: true}",
			[]string{"7: imports[0].destination.replicated must be a mapping"},
		},
		"batch size": {
			users + "  batch_size: 0",
			[]string{"7: imports[0].batch_size must be a whole number from 1 to 1000000"},
		},
		"batch size too large": {users + "  batch_size: 1000001", []string{"7: imports[0].batch_size must be"}},
		"max pending": {
			users + "  max_pending: -1",
			[]string{"7: imports[0].max_pending must be a whole number from 0"},
		},
		"settle without unit": {
			users + "  settle: 5",
			[]string{"7: imports[0].settle must be a duration with its unit"},
		},
		"negative settle": {users + "  settle: -5s", []string{"7: imports[0].settle must be a duration"}},
		"max batches": {
			users + "  max_batches: 0",
			[]string{"7: imports[0].max_batches must be a whole number from 1 to 1000000"},
		},
		"max duration": {
			users + "  max_duration: 25h",
			[]string{"7: imports[0].max_duration must be 0 for none, or from 1s to 24h"},
		},
		"retry for": {
			users + "  retry_for: 0s",
			[]string{"7: imports[0].retry_for must be from 1s to 6h"},
		},
		"lease too short": {
			users + "  lease: 4s\n  heartbeat_timeout: 2s",
			[]string{"7: imports[0].lease must be from 5s to 1h"},
		},
		"lease too long": {users + "  lease: 2h", []string{"7: imports[0].lease must be from 5s to 1h"}},
		"lease of a heartbeat": {
			users + "  lease: 15s\n  heartbeat_timeout: 15s",
			[]string{"7: imports[0].lease is 15s, and must be longer than heartbeat_timeout, 15s"},
		},
		"default lease": {
			users + "  heartbeat_timeout: 1m",
			[]string{"5: imports[0].lease is 1m, and must be longer than heartbeat_timeout, 1m"},
		},
		"heartbeat timeout": {
			users + "  heartbeat_timeout: 1s",
			[]string{"7: imports[0].heartbeat_timeout must be from 2s to 10m"},
		},
		"insert timeout": {
			users + "  insert_timeout: 48h",
			[]string{"7: imports[0].insert_timeout must be from 10s to 24h"},
		},
		"insert timeout no unit": {
			users + "  insert_timeout: 60",
			[]string{"7: imports[0].insert_timeout must be a duration with its unit"},
		},
		"schedule of both": {
			users + "  schedule: {every: 5s, cron: '* * * * *'}",
			[]string{"7: imports[0].schedule must have either every or cron"},
		},
		"schedule of neither": {
			users + "  schedule: {}",
			[]string{"7: imports[0].schedule must have either every or cron"},
		},
		"every without unit": {
			users + "  schedule: {every: 10}",
			[]string{"7: imports[0].schedule.every must be a duration with its unit, such as 10s or 10m"},
		},
		"every in quotes": { // as what a variable holds, which is not repeated
			users + "  schedule: {every: '10'}",
			[]string{"7: imports[0].schedule.every must be a duration with its unit, such as 500ms, 5s or 1h30m"},
		},
		"every too short": {
			users + "  schedule: {every: 500ms}",
			[]string{"7: imports[0].schedule.every must be whole seconds, such as 1s: Temporal's schedules have no " +
				"finer grain; with sync_on_register: true a registration starts a sync without waiting"},
		},
		"every not whole": {
			users + "  schedule: {every: 1500ms}",
			[]string{"7: imports[0].schedule.every must be whole seconds, such as 2s"},
		},
		"jitter": {
			users + "  schedule: {every: 5s, jitter: 6s}",
			[]string{"7: imports[0].schedule.jitter must be at most 5s"},
		},
		"jitter of cron": {
			users + "  schedule: {cron: '@daily', jitter: 2h}",
			[]string{"7: imports[0].schedule.jitter must be at most 1h"},
		},
		"jitter without unit": {
			users + "  schedule: {every: 5s, jitter: 2}",
			[]string{"7: imports[0].schedule.jitter must be a duration"},
		},
		"time zone": {
			users + "  schedule: {cron: '@daily', time_zone: Mars/Olympus}",
			[]string{"7: imports[0].schedule.time_zone must be a name of the time zone database"},
		},
		"time zone of the host": {
			users + "  schedule: {cron: '@daily', time_zone: Local}",
			[]string{"7: imports[0].schedule.time_zone must be a name"},
		},
		"time zone of intervals": {
			users + "  schedule: {every: 5s, time_zone: UTC}",
			[]string{"7: imports[0].schedule.time_zone is only for a cron expression"},
		},
		"time zone of @every": {
			users + "  schedule: {cron: '@every 5s', time_zone: UTC}",
			[]string{"7: imports[0].schedule.time_zone is only for a cron expression"},
		},
		"time zone twice": {
			users + "  schedule: {cron: 'CRON_TZ=UTC @daily', time_zone: UTC}",
			[]string{"7: imports[0].schedule.time_zone stands in cron already"},
		},
		"sync on register": {
			users + "  sync_on_register: yes",
			[]string{"7: imports[0].sync_on_register must be true or false"},
		},
		"nudges without sync": {
			users + "  sync_on_register: false\n  nudge_interval: 1s",
			[]string{"8: imports[0].nudge_interval is only for imports with sync_on_register: true"},
		},
		"nudges too often": {
			users + "  sync_on_register: true\n  nudge_interval: 99ms",
			[]string{"8: imports[0].nudge_interval must be at least 100ms"},
		},
		"nudges without unit": {
			users + "  sync_on_register: true\n  nudge_interval: 5",
			[]string{"8: imports[0].nudge_interval must be a duration"},
		},
		"six fields": {
			users + "  schedule:\n    cron: '*/5 * * * * *'",
			[]string{"8: imports[0].schedule.cron has six fields, and Temporal reads a sixth as the year, not as " +
				"seconds"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, test.text, nil)
			if chferry.CodeOf(err) != chferry.CodeConfiguration {
				t.Fatalf("got %v (%s), want %s", err, chferry.CodeOf(err), chferry.CodeConfiguration)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds a secret: %v", err)
			}
			got := regexp.MustCompile(`(?m)^.*chferry\.yaml:`).ReplaceAllString(err.Error(), "")
			lines := strings.Split(got, "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("got\n%s\nwant\n%s", got, strings.Join(test.want, "\n"))
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %d: got %q, want %q…", i, lines[i], want)
				}
			}
		})
	}
}

// Whatever the file holds, Load answers.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("testdata/chferry.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add(users + "  schedule: {every: 5s}\n? a\n: b\nc: !!str |\n  d\n<<: *e")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "chferry.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path, getenv(nil))
		if (cfg == nil) == (err == nil) || err != nil && chferry.CodeOf(err) != chferry.CodeConfiguration {
			t.Errorf("got %v, %v", cfg, err)
		}
	})
}

func TestCron(t *testing.T) {
	t.Parallel()
	good := []string{
		"* * * * *", "*/5 * * * *", "0 4 1,15 * 1-5", "5/10 0-23/2 * jan-Dec mon,WED-fri,7", "@hourly", "@every 90s",
		"@every 1h/5m", "CRON_TZ=Europe/Paris 0 4 * * *", "TZ=UTC @daily", "0 4 * * * # at four",
	}
	bad := []string{
		"* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
		"*/0 * * * *", "1-2-3 * * * *", "1/2/3 * * * *", "x * * * *", "1, * * * *", "* * * ja *", "@often", "@every",
		"@every 500ms", "@every 1h/2h", "CRON_TZ=Europe/Paris", "TZ= * * * * *", "-1 * * * *",
	}
	for _, cron := range good {
		cfg, err := load(t, users+"  schedule: {cron: \""+cron+"\"}", nil)
		if err != nil {
			t.Errorf("%q: %v", cron, err)
		} else if got := cfg.Imports[0].Cron; got != cron {
			t.Errorf("got %q, want %q", got, cron)
		}
	}
	for _, cron := range bad {
		_, err := load(t, users+"  schedule: {cron: \""+cron+"\"}", nil)
		if chferry.CodeOf(err) != chferry.CodeConfiguration ||
			!strings.Contains(err.Error(), ":7: imports[0].schedule.cron ") {
			t.Errorf("%q: got %v", cron, err)
		}
	}
}
