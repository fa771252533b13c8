package temporal_test

import (
	"net/http"
	"net/http/httptest"
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
	handler, closer := temporal.Handler(registry, func(err error) { t.Errorf("register: %v", err) })
	tagged := handler.WithTags(map[string]string{"namespace": "default"})
	tagged.Counter("temporal_request").Inc(3)
	tagged.Gauge("temporal_worker_task_slots_available").Update(7)
	tagged.Timer("temporal_activity_execution_latency").Record(40 * time.Millisecond)
	if err := closer.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	recorder := httptest.NewRecorder()
	metrics.Handler(registry).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		"# TYPE temporal_request_total counter",
		`temporal_request_total{namespace="default"} 3`,
		"# TYPE temporal_worker_task_slots_available gauge",
		`temporal_worker_task_slots_available{namespace="default"} 7`,
		"# TYPE temporal_activity_execution_latency_seconds histogram",
		`temporal_activity_execution_latency_seconds_bucket{namespace="default",le="0.05"} 1`,
		`temporal_activity_execution_latency_seconds_bucket{namespace="default",le="0.025"} 0`,
	} {
		if !strings.Contains(recorder.Body.String(), want+"\n") {
			t.Errorf("no %q in\n%s", want, recorder.Body)
		}
	}
}

func TestHandlerOfTakenName(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounterVec(prometheus.CounterOpts{Name: "temporal_request_total", Help: "ours"}, []string{"other"}))
	var failed []error
	handler, closer := temporal.Handler(registry, func(err error) { failed = append(failed, err) })
	handler.Counter("temporal_request").Inc(1)
	if err := closer.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	if len(failed) == 0 {
		t.Error("a metric that can't be registered was not reported")
	}
}
