package metrics

import "github.com/prometheus/client_golang/prometheus"

var (
	// One round trip to Redis takes tenths of a millisecond; five seconds is when it is given up.
	registerBuckets = []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	// From a single save to the greatest batch_size.
	batchBuckets = []float64{1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000}
	// From a claim in Redis to an insert of a million wide rows.
	stepBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
)

// list registers the metrics that it makes.
type list struct {
	registerer prometheus.Registerer
}

func (l list) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	l.registerer.MustRegister(c)
	return c
}

func (l list) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	l.registerer.MustRegister(h)
	return h
}
