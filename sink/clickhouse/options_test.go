package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

const createWithOptions = "CREATE TABLE IF NOT EXISTS `shop`.`users` ON CLUSTER `my cluster`\n(\n" +
	"    `id` Int64 CODEC(Delta, ZSTD(3)),\n    `created` DateTime64(6, 'UTC'),\n    `_version` UInt64,\n    " +
	"`_is_deleted` UInt8\n)\n" +
	"ENGINE = ENGINE\nPARTITION BY intDiv(id, 1000)\nORDER BY (`id`)\nTTL toDate(id) + INTERVAL 1 YEAR DELETE, " +
	"created + INTERVAL 1 MONTH TO VOLUME 'cold'\n" +
	`SETTINGS index_granularity = 1024, merge_max_block_size = 8192, storage_policy = 'it\'s \\hot'`

func optioned() sink.Destination {
	d := destination("shop.users", []string{"id"}, column("id", int64Type),
		column("created", rowset.Type{Kind: rowset.Timestamp}))
	d.Options = chferry.TableOptions{
		PartitionBy: "intDiv(id, 1000)", TTL: "toDate(id) + INTERVAL 1 YEAR DELETE, created + INTERVAL 1 MONTH TO " +
			"VOLUME 'cold'", Codecs: map[string]string{"id": "Delta, ZSTD(3)"},
		Settings: map[string]string{
			"storage_policy": `it's \hot`, "index_granularity": "1024", "merge_max_block_size": "8192",
		}, Cluster: "my cluster",
	}
	return d
}

// TestCreateTableWithOptions has the statements for clusters, none of which runs here.
func TestCreateTableWithOptions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		version    string
		replicated *chferry.Replication
		engine     string
	}{
		{"26.3", nil, "ReplacingMergeTree(`_version`, `_is_deleted`)"},
		{"26.3", &chferry.Replication{}, "ReplicatedReplacingMergeTree(`_version`, `_is_deleted`)"},
		{"22.3", &chferry.Replication{}, "ReplicatedReplacingMergeTree(`_version`)"},
		{
			"26.3", &chferry.Replication{Path: "/clickhouse/{shard}/user's", Replica: "{replica}"},
			`ReplicatedReplacingMergeTree('/clickhouse/{shard}/user\'s', '{replica}', ` + "`_version`, `_is_deleted`)",
		},
	} {
		d := optioned()
		d.Options.Replicated = test.replicated
		if err := clickhouse.CheckDestination(test.version, d); err != nil {
			t.Errorf("%s: %v", test.version, err)
		}
		got, err := clickhouse.CreateTable(test.version, d)
		if want := strings.Replace(createWithOptions, "ENGINE = ENGINE", "ENGINE = "+test.engine, 1); err != nil ||
			got != want {
			t.Errorf("%s: got %s, %v\nwant %s", test.version, got, err, want)
		}
	}
	got, err := clickhouse.CreateView(optioned())
	want := "`shop`.`users_current` ON CLUSTER `my cluster` AS\nSELECT `id`, `created`\nFROM `shop`.`users` FINAL\n" +
		"WHERE `_is_deleted` = 0 AND 'made by chferry' != ''"
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		version string
		change  func(*chferry.TableOptions)
		want    string
	}{
		"partition of another column": {
			"26.3", func(o *chferry.TableOptions) { o.PartitionBy = "toYYYYMM(created)" },
			`partition_by uses "created"`,
		},
		"rows come back": {
			"26.3",
			func(o *chferry.TableOptions) { o.TTL = "id + INTERVAL 1 DAY, created + INTERVAL 1 YEAR" },
			`ttl deletes by column "created"`,
		},
		"rows come back, in words": {
			"26.3",
			func(o *chferry.TableOptions) { o.TTL = "created + f(' to volume ', 1)" },
			`ttl deletes by column "created"`,
		},
		"rows are mixed": {
			"26.3", func(o *chferry.TableOptions) { o.TTL = "id + INTERVAL 1 DAY GROUP BY id" }, "GROUP BY",
		},
		"codec of no column": {
			"26.3",
			func(o *chferry.TableOptions) { o.Codecs = map[string]string{"nothing": "ZSTD"} },
			`destination.codec names column "nothing"`,
		},
		"setting of no name": {
			"26.3", func(o *chferry.TableOptions) { o.Settings = map[string]string{"a = 1, b": "1"} },
			"no setting's name",
		},
		"codec, too old": {
			"18.16", func(o *chferry.TableOptions) { o.TTL = "" }, "too old for destination.codec",
		},
		"ttl, too old": {
			"18.16", func(o *chferry.TableOptions) { o.Codecs = nil }, "too old for destination.ttl",
		},
		"replica, too old": {
			"20.8", func(o *chferry.TableOptions) { o.Replicated = &chferry.Replication{} },
			"name path and replica",
		},
	} {
		d := optioned()
		test.change(&d.Options)
		if err := clickhouse.CheckDestination(test.version, d); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// TestOptionsOnServers creates a table with all that needs no cluster, and adds a column with a codec.
func TestOptionsOnServers(t *testing.T) { onServers(t, testOptionsOnServers) }

func testOptionsOnServers(t *testing.T, s *server) {
	d := destination("options", []string{"id"}, column("id", int64Type),
		column("created", rowset.Type{Kind: rowset.Timestamp}))
	d.Options = chferry.TableOptions{
		PartitionBy: "intDiv(id, 1000)",
		Settings:    map[string]string{"index_granularity": "1024"},
	}
	major, _, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"PARTITION BY intDiv(id, 1000)", "index_granularity = 1024"}
	if major > 18 {
		d.Options.TTL, d.Options.Codecs = "toDateTime(id) + INTERVAL 100 YEAR",
			map[string]string{"created": "Delta, ZSTD(3)"}
		wanted = append(wanted, "TTL toDateTime(id) + toIntervalYear(100)")
	}
	s.create(t, d)
	d.Columns = append(d.Columns, column("later", stringType))
	if major > 18 {
		d.Options.Codecs["later"] = "LZ4"
	}
	s.create(t, d)
	got := s.value(t, "SELECT engine_full FROM system.tables WHERE database = '"+s.database+"' AND name = 'options'")
	for _, want := range wanted {
		if !strings.Contains(got, want) {
			t.Errorf("the engine is %s, which lacks %s", got, want)
		}
	}
	if major > 18 {
		if got := s.value(t, "SELECT compression_codec FROM system.columns WHERE database = '"+s.database+
			"' AND table = 'options' AND name = 'later'"); got != "CODEC(LZ4)" {
			t.Errorf("the codec of the new column is %s", got)
		}
	}
}
