package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/metrics"
	"github.com/chferry/chferry/storage"
)

var _ storage.Observer = (*metrics.Metrics)(nil)

// scrape returns the lines of /metrics without comments.
func scrape(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	recorder := httptest.NewRecorder()
	metrics.Handler(registry).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if recorder.Code != http.StatusOK {
		t.Fatalf("scrape: status %d: %s", recorder.Code, recorder.Body)
	}
	return slices.DeleteFunc(strings.Split(recorder.Body.String(), "\n"), func(line string) bool {
		return line == "" || strings.HasPrefix(line, "#")
	})
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

func use(m *metrics.Metrics) {
	m.Registered("users", map[chferry.Kind]int{chferry.Insert: 2, chferry.Delete: 1}, .003, nil)
	m.Registered("users", map[chferry.Kind]int{chferry.Insert: 100}, 3, errors.New("unavailable"))
	m.BatchEnded("users", chferry.Counts{Operations: 10, Rows: 4, Deletes: 3, Coalesced: 2, Failed: 1})
	m.BatchEnded("users", chferry.Counts{Operations: 1, Rows: 1})
	m.BatchRemoved("users", 10, 7)
	m.SyncEnded("users", "synced")
	m.Step("users", "GetOperations", .02)
	m.StepFailed("users", "PreSync", chferry.CodeUnavailable)
	m.TakenOver("users")
	m.RowsCopied("users", 5)
	m.RowsVerified("users", 6)
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	use(metrics.New(registry))
	wantLines(t, scrape(t, registry),
		`chferry_operations_registered_total{import_key="users",operation="insert"} 2`,
		`chferry_operations_registered_total{import_key="users",operation="delete"} 1`,
		`chferry_register_duration_seconds_count{import_key="users"} 2`,
		`chferry_register_duration_seconds_bucket{import_key="users",le="0.005"} 1`,
		`chferry_rows_inserted_total{import_key="users"} 5`,
		`chferry_deletes_total{import_key="users"} 3`,
		`chferry_operations_coalesced_total{import_key="users"} 2`,
		`chferry_operations_failed_total{import_key="users"} 1`,
		`chferry_batch_operations_sum{import_key="users"} 11`,
		`chferry_batch_operations_bucket{import_key="users",le="1"} 1`,
		`chferry_syncs_total{import_key="users",outcome="synced"} 1`,
		`chferry_sync_step_duration_seconds_bucket{import_key="users",step="GetOperations",le="0.025"} 1`,
		`chferry_sync_step_failures_total{code="Unavailable",import_key="users",step="PreSync"} 1`,
		`chferry_lease_takeovers_total{import_key="users"} 1`,
		`chferry_backfill_rows_total{import_key="users"} 5`,
		`chferry_verify_rows_total{import_key="users"} 6`,
		`chferry_queue_operations{import_key="users"} 7`,
	)
}

// The names are an interface: dashboards and alerts hold them.
func TestNames(t *testing.T) {
	t.Parallel()
	want := []string{
		"chferry_backfill_rows_total", "chferry_batch_operations", "chferry_deletes_total", "chferry_failed_operations",
		"chferry_last_sync_timestamp_seconds", "chferry_last_verify_timestamp_seconds",
		"chferry_lease_takeovers_total", "chferry_operations_coalesced_total",
		"chferry_operations_failed_total", "chferry_operations_in_flight", "chferry_operations_registered_total",
		"chferry_queue_oldest_age_seconds", "chferry_queue_operations", "chferry_register_duration_seconds",
		"chferry_rows_inserted_total", "chferry_storage_up", "chferry_sync_step_duration_seconds",
		"chferry_sync_step_failures_total", "chferry_syncs_total",
		"chferry_verify_differences", "chferry_verify_rows_total",
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector(func(context.Context) ([]chferry.Status, error) {
		return []chferry.Status{{LastSync: time.Unix(1, 0), Verify: &chferry.LastVerify{Outcome: "equal"}}}, nil
	}, "users"))
	use(metrics.New(registry))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		got = append(got, f.GetName())
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type statusFunc func(context.Context) ([]chferry.Status, error)

func (f statusFunc) Status(ctx context.Context, _ ...chferry.ImportKey) ([]chferry.Status, error) {
	return f(ctx)
}

func collector(status statusFunc, keys ...chferry.ImportKey) *metrics.QueueCollector {
	return metrics.NewQueueCollector(status, func() []chferry.ImportKey { return keys }, 50*time.Millisecond)
}

func TestQueueCollector(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector(func(context.Context) ([]chferry.Status, error) {
		return []chferry.Status{
			{
				Pending: 5, InFlight: 3, Failed: 2, LastSync: time.UnixMilli(1_700_000_000_500),
				OldestPending: time.Now().Add(-time.Hour),
				Verify: &chferry.LastVerify{
					Outcome: "different", Ended: time.UnixMilli(1_700_000_001_500), Missing: 4, Surplus: 9,
				},
			},
			{
				OldestPending: time.Now().Add(time.Hour),
				Verify:        &chferry.LastVerify{Outcome: "failed", Ended: time.Unix(1, 0), Missing: 4},
			},
		}, nil
	}, "users", "orders"))
	// A mark does not hide what is read at scrape.
	metrics.New(registry).BatchRemoved("users", 1, 99)
	got := scrape(t, registry)
	wantLines(t, got,
		`chferry_storage_up 1`,
		`chferry_queue_operations{import_key="users"} 5`,
		`chferry_operations_in_flight{import_key="users"} 3`,
		`chferry_failed_operations{import_key="users"} 2`,
		`chferry_last_sync_timestamp_seconds{import_key="users"} 1.7000000005e+09`,
		`chferry_last_verify_timestamp_seconds{import_key="users"} 1.7000000015e+09`,
		`chferry_verify_differences{difference="missing",import_key="users"} 4`,
		`chferry_verify_differences{difference="stale",import_key="users"} 0`,
		`chferry_verify_differences{difference="surplus",import_key="users"} 9`,
		`chferry_queue_operations{import_key="orders"} 0`,
		`chferry_queue_oldest_age_seconds{import_key="orders"} 0`,
	)
	if !slices.ContainsFunc(got, func(s string) bool {
		return strings.HasPrefix(s, `chferry_queue_oldest_age_seconds{import_key="users"} 3600.`)
	}) {
		t.Errorf("no age of an hour in\n%s", strings.Join(got, "\n"))
	}
	if slices.ContainsFunc(got, func(s string) bool {
		return strings.Contains(s, "verify") && strings.Contains(s, `"orders"`)
	}) {
		t.Error("a verify that failed half way tells differences")
	}
	if slices.ContainsFunc(got, func(s string) bool {
		return strings.HasPrefix(s, `chferry_last_sync_timestamp_seconds{import_key="orders"}`)
	}) {
		t.Error("a key that was never synced has a time of its last sync")
	}
}

// A storage that fails, hangs or answers nonsense costs its own gauges only.
func TestQueueCollectorWithoutStorage(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]statusFunc{
		"fails": func(context.Context) ([]chferry.Status, error) { return nil, errors.New("down") },
		"hangs": func(ctx context.Context) ([]chferry.Status, error) { <-ctx.Done(); return nil, ctx.Err() },
		"short": func(context.Context) ([]chferry.Status, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := prometheus.NewPedanticRegistry()
			registry.MustRegister(collector(status, "users"))
			metrics.New(registry).TakenOver("users")
			got := scrape(t, registry)
			want := []string{`chferry_lease_takeovers_total{import_key="users"} 1`, `chferry_storage_up 0`}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	metrics.New(registry).TakenOver("users")
	ctx, cancel := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- metrics.Serve(ctx, "127.0.0.1:0", registry, func(a string) { address <- a }) }()
	response, err := http.Get("http://" + <-address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(body), "chferry_lease_takeovers_total") {
		t.Errorf("got %q, %v", body, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
