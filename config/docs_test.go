package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/engine"
)

var keysThere = regexp.MustCompile(`unknown key zzz(?: in ([^:]*))?: the keys there are ([^\n]*)`)

// TestEveryKeyIsDocumented asks the reader for the keys of every mapping, by giving each an unknown
// one, and looks for them on the page.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	text := `zzz: 1
temporal: {zzz: 1}
redis: {url: "redis://127.0.0.1/0", zzz: 1, durability: {zzz: 1}}
clickhouse: {url: "clickhouse://127.0.0.1/default", zzz: 1}
databases: {default: {url: "postgres://127.0.0.1/shop", zzz: 1}}
api: {zzz: 1}
metrics: {zzz: 1}
imports:
  - {key: users, table: users, zzz: 1, columns: {zzz: 1}, destination: {zzz: 1, replicated: {zzz: 1}},
     schedule: {every: 5s, zzz: 1}, backfill: {zzz: 1}}
`
	path := filepath.Join(t.TempDir(), "chferry.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load(path, os.LookupEnv)
	if err == nil {
		t.Fatal("unknown keys are taken")
	}
	page, readErr := os.ReadFile("../docs/configuration.md")
	if readErr != nil {
		t.Fatal(readErr)
	}
	found := keysThere.FindAllStringSubmatch(err.Error(), -1)
	if len(found) != 14 {
		t.Errorf("%d mappings name their keys, want 14: %v", len(found), err)
	}
	for _, mapping := range found {
		path := strings.NewReplacer("imports[0].", "", "imports[0]", "", "databases.default",
			"databases.<alias>").Replace(mapping[1])
		for key := range strings.SplitSeq(mapping[2], ", ") {
			name := strings.TrimPrefix(path+"."+key, ".")
			if !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), "`"+name+".") {
				t.Errorf("docs/configuration.md lacks %s", name)
			}
		}
	}
}

// TestDocumentedDefaults holds the page's defaults to the code's.
func TestDocumentedDefaults(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]any{
		"temporal.task_queue": chferry.DefaultTaskQueue, "temporal.id_prefix": chferry.DefaultIDPrefix,
		"redis.prefix": chferry.DefaultRedisPrefix,
		"api.listen":   config.DefaultListen, "database": chferry.DefaultDatabase, "destination.engine": engine.Default,
		"batch_size": chferry.DefaultBatchSize, "nudge_interval": chferry.DurationText(config.DefaultNudgeInterval),
		"max_batches": chferry.DefaultMaxBatches, "max_failed": chferry.DefaultMaxFailed,
		"retry_for": chferry.DurationText(chferry.DefaultRetryFor), "lease": chferry.DurationText(chferry.DefaultLease),
		"heartbeat_timeout": chferry.DurationText(chferry.DefaultHeartbeatTimeout),
		"insert_timeout":    chferry.DurationText(chferry.DefaultInsertTimeout),
	} {
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(key) + "` \\| [^|]* \\| `" +
			regexp.QuoteMeta(fmt.Sprint(value)) + "` \\|")
		if !row.Match(page) {
			t.Errorf("docs/configuration.md does not say that %s is %v by default", key, value)
		}
	}
}
