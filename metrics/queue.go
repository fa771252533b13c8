package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chferry/chferry"
)

// queueName and queueHelp are said twice: of the gauge that a worker marks and of the one that is read at scrape.
const (
	queueName = "chferry_queue_operations"
	queueHelp = "Operations waiting to be synced."
)

var (
	queueDesc    = queueGauge(queueName, queueHelp)
	inFlightDesc = queueGauge("chferry_operations_in_flight", "Operations of the batch that is being synced.")
	failedDesc   = queueGauge("chferry_failed_operations", "Operations set aside and kept until retried or discarded.")
	oldestDesc   = queueGauge("chferry_queue_oldest_age_seconds",
		"Age of the oldest operation that is waiting or being synced; 0 if there is none.")
	lastSyncDesc = queueGauge("chferry_last_sync_timestamp_seconds",
		"When the import key was synced last, in seconds since 1970; left out if never.")
	failingDesc = queueGauge("chferry_sync_failing_since_timestamp_seconds",
		"Since when the steps of syncs fail, in seconds since 1970; left out if they do not fail.")
	differencesDesc = prometheus.NewDesc("chferry_verify_differences",
		"Rows in which source and ClickHouse differ; left out unless the last verify compared all it was asked to.",
		[]string{labelKey, "difference"}, nil)
	lastVerifyDesc = queueGauge("chferry_last_verify_timestamp_seconds",
		"When the last verify ended, in seconds since 1970; left out unless it compared all it was asked to.")
	upDesc = prometheus.NewDesc("chferry_storage_up",
		"1 if the storage answered at scrape; at 0 the gauges that are read from it are left out.", nil, nil)
)

func queueGauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{labelKey}, nil)
}

// statuses is the part of a storage that is read at scrape.
type statuses interface {
	Status(ctx context.Context, keys ...chferry.ImportKey) ([]chferry.Status, error)
}

// QueueCollector gives the gauges of all import keys, read from the storage in one round trip a scrape.
type QueueCollector struct {
	storage statuses
	keys    func() []chferry.ImportKey
	timeout time.Duration
}

var _ prometheus.Collector = (*QueueCollector)(nil)

// NewQueueCollector returns a collector of what storage keeps for keys. A storage that does not
// answer within timeout leaves the gauges out and sets chferry_storage_up to 0. Register it before
// any [Metrics.BatchRemoved] of the same registry.
func NewQueueCollector(storage statuses, keys func() []chferry.ImportKey, timeout time.Duration) *QueueCollector {
	return &QueueCollector{storage: storage, keys: keys, timeout: timeout}
}

// Describe implements [prometheus.Collector].
func (c *QueueCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		queueDesc, inFlightDesc, failedDesc, oldestDesc, lastSyncDesc, failingDesc,
		differencesDesc, lastVerifyDesc, upDesc,
	} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *QueueCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	keys := c.keys()
	found, err := c.storage.Status(ctx, keys...)
	if err != nil || len(found) != len(keys) {
		out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, 0)
		return
	}
	out <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, 1)
	now := time.Now()
	for i, status := range found {
		collectStatus(out, string(keys[i]), status, now)
	}
}

func collectStatus(out chan<- prometheus.Metric, key string, s chferry.Status, now time.Time) {
	gauge := func(desc *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, key)
	}
	gauge(queueDesc, float64(s.Pending))
	gauge(inFlightDesc, float64(s.InFlight))
	gauge(failedDesc, float64(s.Failed))
	age := 0.0
	if !s.OldestPending.IsZero() {
		age = max(0, now.Sub(s.OldestPending).Seconds()) // the storage's clock may be ahead
	}
	gauge(oldestDesc, age)
	if s.Failing != nil {
		gauge(failingDesc, float64(s.Failing.Since.UnixMilli())/1000)
	}
	if !s.LastSync.IsZero() {
		gauge(lastSyncDesc, float64(s.LastSync.UnixMilli())/1000)
	}
	if v := s.Verify; v != nil && compared[v.Outcome] {
		gauge(lastVerifyDesc, float64(v.Ended.UnixMilli())/1000)
		for difference, rows := range map[string]int64{"missing": v.Missing, "stale": v.Stale, "surplus": v.Surplus} {
			out <- prometheus.MustNewConstMetric(differencesDesc, prometheus.GaugeValue, float64(rows), key, difference)
		}
	}
}

// compared are the outcomes of a verify that compared all it was asked to.
var compared = map[string]bool{"equal": true, "different": true, "repaired": true}
