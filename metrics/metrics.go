// Package metrics names and counts what chferry does, every metric in one list, so that dashboards and alerts written
// for one version can be checked against the next.
package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chferry/chferry"
)

// The labels.
const (
	labelKey       = "import_key"
	labelOperation = "operation"
	labelOutcome   = "outcome"
	labelStep      = "step"
	labelCode      = "code"
)

// Metrics are the counters and histograms of one process. Its methods may be called concurrently.
type Metrics struct {
	registered       *prometheus.CounterVec
	registerDuration *prometheus.HistogramVec

	rows, deletes, coalesced, failed *prometheus.CounterVec
	batchOperations                  *prometheus.HistogramVec

	syncs        *prometheus.CounterVec
	takeovers    *prometheus.CounterVec
	copied       *prometheus.CounterVec
	verified     *prometheus.CounterVec
	stepDuration *prometheus.HistogramVec
	stepFailures *prometheus.CounterVec

	queue *prometheus.GaugeVec
	mark  func()
}

// New registers the list of metrics with registerer, which must not have them already.
func New(registerer prometheus.Registerer) *Metrics {
	l := list{registerer}
	m := &Metrics{
		registered: l.counter("chferry_operations_registered_total",
			"Operations registered through this process.", labelKey, labelOperation),
		registerDuration: l.histogram("chferry_register_duration_seconds",
			"Time of one call that registers operations, also of one that fails.", registerBuckets, labelKey),

		rows: l.counter("chferry_rows_inserted_total",
			"Rows inserted by batches that ended.", labelKey),
		deletes: l.counter("chferry_deletes_total",
			"Tombstones inserted by batches that ended.", labelKey),
		coalesced: l.counter("chferry_operations_coalesced_total",
			"Operations on a row that their batch had already, of batches that ended.", labelKey),
		failed: l.counter("chferry_operations_failed_total",
			"Operations set aside by batches that ended.", labelKey),
		batchOperations: l.histogram("chferry_batch_operations",
			"Operations of a batch that ended.", batchBuckets, labelKey),

		syncs: l.counter("chferry_syncs_total",
			"Syncs that ended, by outcome.", labelKey, labelOutcome),
		takeovers: l.counter("chferry_lease_takeovers_total",
			"Syncs that took the import key over from another that was thought dead.", labelKey),
		copied: l.counter("chferry_backfill_rows_total",
			"Rows that backfills have inserted.", labelKey),
		verified: l.counter("chferry_verify_rows_total",
			"Rows that verifies have compared.", labelKey),
		stepDuration: l.histogram("chferry_sync_step_duration_seconds",
			"Time of one step of a sync.", stepBuckets, labelKey, labelStep),
		stepFailures: l.counter("chferry_sync_step_failures_total",
			"Attempts at a step of a sync that failed, by the code of their error.", labelKey, labelStep, labelCode),

		queue: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: queueName, Help: queueHelp}, []string{labelKey}),
	}
	// Where a QueueCollector reads the gauge at scrape, that is the better figure: registering the mark then fails, as
	// it should.
	m.mark = sync.OnceFunc(func() { _ = registerer.Register(m.queue) })
	return m
}

// Registered counts the operations of one call by their kind, unless it failed, and observes how long it took.
func (m *Metrics) Registered(key chferry.ImportKey, counts map[chferry.Kind]int, seconds float64, err error) {
	m.registerDuration.WithLabelValues(string(key)).Observe(seconds)
	if err != nil {
		return
	}
	for kind, n := range counts {
		m.registered.WithLabelValues(string(key), string(kind)).Add(float64(n))
	}
}

// BatchEnded adds what became of a batch's operations. Call it once a batch, when the storage has removed it.
func (m *Metrics) BatchEnded(key chferry.ImportKey, outcome chferry.Counts) {
	m.rows.WithLabelValues(string(key)).Add(float64(outcome.Rows))
	m.deletes.WithLabelValues(string(key)).Add(float64(outcome.Deletes))
	m.coalesced.WithLabelValues(string(key)).Add(float64(outcome.Coalesced))
	m.failed.WithLabelValues(string(key)).Add(float64(outcome.Failed))
	m.batchOperations.WithLabelValues(string(key)).Observe(float64(outcome.Operations))
}

// BatchRemoved sets the queue gauge to the operations that are left after a batch was removed, for processes that don't
// read it from the storage with a [QueueCollector]. It is what a storage's PostBatchRemoved hook does by default.
func (m *Metrics) BatchRemoved(key chferry.ImportKey, _, remaining int64) {
	m.mark()
	m.queue.WithLabelValues(string(key)).Set(float64(remaining))
}

// SyncEnded counts a sync by its outcome: idle, synced, partial, failed or superseded.
func (m *Metrics) SyncEnded(key chferry.ImportKey, outcome string) {
	m.syncs.WithLabelValues(string(key), outcome).Inc()
}

// Step observes how many seconds one step of a sync took.
func (m *Metrics) Step(key chferry.ImportKey, step string, seconds float64) {
	m.stepDuration.WithLabelValues(string(key), step).Observe(seconds)
}

// StepFailed counts an attempt at a step of a sync that failed.
func (m *Metrics) StepFailed(key chferry.ImportKey, step string, code chferry.Code) {
	m.stepFailures.WithLabelValues(string(key), step, string(code)).Inc()
}

// RowsCopied counts rows that backfills have inserted.
func (m *Metrics) RowsCopied(key chferry.ImportKey, rows int64) {
	m.copied.WithLabelValues(string(key)).Add(float64(rows))
}

// RowsVerified counts rows that verifies have compared.
func (m *Metrics) RowsVerified(key chferry.ImportKey, rows int64) {
	m.verified.WithLabelValues(string(key)).Add(float64(rows))
}

// TakenOver counts a sync that took the import key over.
func (m *Metrics) TakenOver(key chferry.ImportKey) {
	m.takeovers.WithLabelValues(string(key)).Inc()
}
