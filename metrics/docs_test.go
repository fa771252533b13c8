package metrics_test

import (
	"context"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/metrics"
)

// failingStorage keeps an import key whose syncs fail.
type failingStorage struct{}

func (failingStorage) Status(context.Context, ...chferry.ImportKey) ([]chferry.Status, error) {
	at := time.UnixMilli(1_700_000_000_500)
	return []chferry.Status{{
		Verify:   &chferry.LastVerify{Outcome: "equal"},
		LastSync: at, OldestPending: at, Failing: &chferry.Failing{Since: at, Last: at, Attempts: 3},
	}}, nil
}

// TestEveryMetricIsDocumented holds docs/metrics.md to the names that are scraped, in both directions.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.NewQueueCollector(failingStorage{},
		func() []chferry.ImportKey { return []chferry.ImportKey{"users"} }, time.Second))
	use(metrics.New(registry))
	wantLines(t, scrape(t, registry),
		`chferry_sync_failing_since_timestamp_seconds{import_key="users"} 1.7000000005e+09`)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, family := range families {
		got = append(got, family.GetName())
	}
	var want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(chferry_[a-z_]+)").FindAllStringSubmatch(string(page), -1) {
		want = append(want, row[1])
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the metrics are\n%q, the page has\n%q", got, want)
	}
}
