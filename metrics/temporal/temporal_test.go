package temporal_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/chferry/chferry/metrics"
	"github.com/chferry/chferry/metrics/temporal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHandler(t *testing.T) {
	registry := prometheus.NewRegistry()
	handler := temporal.Handler(registry)
	tagged := handler.WithTags(map[string]string{"namespace": "default"})
	tagged.Counter("temporal_request").Inc(3)
	tagged.Gauge("temporal_worker_task_slots_available").Update(7)
	tagged.Timer("temporal_activity_execution_latency").Record(40 * time.Millisecond)
	got := scrape(registry)
	for _, want := range []string{
		"# TYPE temporal_request_total counter",
		`temporal_request_total{namespace="default"} 3`,
		"# TYPE temporal_worker_task_slots_available gauge",
		`temporal_worker_task_slots_available{namespace="default"} 7`,
		"# TYPE temporal_activity_execution_latency_seconds histogram",
		`temporal_activity_execution_latency_seconds_bucket{namespace="default",le="0.05"} 1`,
		`temporal_activity_execution_latency_seconds_bucket{namespace="default",le="0.025"} 0`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestHandlerOfTakenName: where a figure has the name of another, one of the two is missing, and nothing else.
func TestHandlerOfTakenName(t *testing.T) {
	registry := prometheus.NewRegistry()
	taken := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "temporal_request_total", Help: "ours"},
		[]string{"other"})
	registry.MustRegister(taken)
	taken.WithLabelValues("x").Inc()
	handler := temporal.Handler(registry)
	handler.Counter("temporal_request").Inc(1)
	handler.Counter("temporal_long_request").Inc(2)
	if got := scrape(registry); !strings.Contains(got, "temporal_request_total") ||
		!strings.Contains(got, "temporal_long_request_total 2\n") {
		t.Errorf("got\n%s", got)
	}
}

// TestHandlerOfLabels: each set of labels is a series of its own, however the handlers came by it,
// and odd characters do no harm.
func TestHandlerOfLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	handler := temporal.Handler(registry)
	both := map[string]string{"namespace": "default", "task_queue": "chferry-big queue"}
	handler.WithTags(both).Counter("temporal_request").Inc(1)
	handler.WithTags(map[string]string{"task_queue": "chferry-big queue"}).WithTags(
		map[string]string{"namespace": "default"}).Counter("temporal_request_total").Inc(2)
	handler.WithTags(map[string]string{"namespace": "default"}).Counter("temporal_request").Inc(4)
	handler.WithTags(map[string]string{"namespace": "other"}).WithTags(
		map[string]string{"namespace": "default"}).Counter("temporal_request").Inc(8)
	handler.Counter("temporal_request").Inc(16)
	got := scrape(registry)
	for _, want := range []string{
		`temporal_request_total{namespace="default",task_queue="chferry_big_queue"} 3`,
		`temporal_request_total{namespace="default"} 12`, "temporal_request_total 16",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// TestHandlerOfTags: the SDK asks for the same labels again and again, and gets the handler that
// was made first. Of tags whose values have no bound, not all handlers are kept, and all counts
// are.
func TestHandlerOfTags(t *testing.T) {
	registry := prometheus.NewRegistry()
	handler := temporal.Handler(registry)
	tags := func(value string) map[string]string { return map[string]string{"a": value, "b": "=,c"} }
	if first, again := handler.WithTags(tags("x")), handler.WithTags(tags("x")); first != again {
		t.Error("equal tags get two handlers")
	}
	one, other := map[string]string{"a": "b", "c": ""}, map[string]string{"a": "", "bc": ""}
	if handler.WithTags(one) == handler.WithTags(other) {
		t.Error("different tags get one handler")
	}
	for range 2 {
		for i := range 1100 {
			handler.WithTags(tags(strconv.Itoa(i))).Counter("temporal_request").Inc(1)
		}
	}
	if got := strings.Count(scrape(registry), "} 2\n"); got != 1100 {
		t.Errorf("%d counters of 1100 have counted twice", got)
	}
}

func scrape(registry *prometheus.Registry) string {
	recorder := httptest.NewRecorder()
	metrics.Handler(registry).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return recorder.Body.String()
}
