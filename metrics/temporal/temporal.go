// Package temporal puts the Temporal SDK's own metrics, temporal_*, beside ours. It is a package of its own because it
// needs the SDK, which whoever only counts registered operations does not.
package temporal

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// buckets of the SDK's timers, in seconds: from a poll that is answered at once to a long workflow task.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// Handler returns a value for the SDK's client.Options.MetricsHandler, whose metrics go into
// registry. Counters end with _total and timers, which are histograms in seconds, with _seconds.
func Handler(registry prometheus.Registerer) client.MetricsHandler {
	made := &collector{metrics: map[string]prometheus.Metric{}}
	registry.MustRegister(made) // a collector that describes nothing is never refused
	return &handler{made: made}
}

// collector holds all metrics of a handler and of those that were made from it.
type collector struct {
	mu      sync.RWMutex
	metrics map[string]prometheus.Metric // by name and labels
}

// Describe implements prometheus.Collector. It describes nothing, because nobody knows beforehand
// which metrics there will be.
func (*collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, m := range c.metrics {
		to <- m
	}
}

// maxChildren is how many handlers with further labels a handler keeps. There are fewer unless a
// tag's values have no bound.
const maxChildren = 1000

// handler makes metrics with some labels. The SDK asks for further labels whenever it counts
// something, so handlers are kept.
type handler struct {
	made   *collector
	labels prometheus.Labels
	text   string // of the labels

	mu       sync.RWMutex
	children map[string]*handler // by the text of the tags that they were made with
}

// WithTags implements client.MetricsHandler.
func (h *handler) WithTags(tags map[string]string) client.MetricsHandler {
	var room [256]byte
	text := appendTags(room[:0], tags)
	h.mu.RLock()
	child, ok := h.children[string(text)]
	h.mu.RUnlock()
	if ok {
		return child
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if child, ok = h.children[string(text)]; ok {
		return child
	}
	child = h.with(tags)
	if h.children == nil {
		h.children = map[string]*handler{}
	}
	if len(h.children) < maxChildren {
		h.children[string(text)] = child
	}
	return child
}

// appendTags appends a text that is the same for equal tags alone.
func appendTags(text []byte, tags map[string]string) []byte {
	var room [8]string
	names := room[:0]
	for name := range tags {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, part := range [...]string{name, tags[name]} {
			text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
		}
	}
	return text
}

// with makes a handler with further labels.
func (h *handler) with(tags map[string]string) *handler {
	child := &handler{made: h.made, labels: make(prometheus.Labels, len(h.labels)+len(tags))}
	maps.Copy(child.labels, h.labels)
	for name, value := range tags {
		child.labels[plain(name)] = plain(value)
	}
	for _, name := range slices.Sorted(maps.Keys(child.labels)) {
		child.text += "," + name + "=" + child.labels[name]
	}
	return child
}

// Counter implements client.MetricsHandler.
func (h *handler) Counter(name string) client.MetricsCounter {
	return counter{metricOf(h, ending(name, "_total"), func(name string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: h.labels})
	})}
}

// Gauge implements client.MetricsHandler.
func (h *handler) Gauge(name string) client.MetricsGauge {
	return gauge{metricOf(h, name, func(name string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: h.labels})
	})}
}

// Timer implements client.MetricsHandler.
func (h *handler) Timer(name string) client.MetricsTimer {
	return timer{metricOf(h, ending(name, "_seconds"), func(name string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, ConstLabels: h.labels, Buckets: buckets,
		})
	})}
}

const help = "Of the Temporal SDK."

// metricOf returns the metric with a name and the handler's labels, and makes it if there is none.
func metricOf[M prometheus.Metric](h *handler, name string, make func(name string) M) M {
	name = plain(name)
	key := name + h.text
	h.made.mu.RLock()
	known, ok := h.made.metrics[key]
	h.made.mu.RUnlock()
	if !ok {
		h.made.mu.Lock()
		defer h.made.mu.Unlock()
		if known, ok = h.made.metrics[key]; !ok {
			known = make(name)
			h.made.metrics[key] = known
		}
	}
	return known.(M)
}

func ending(name, end string) string { return strings.TrimSuffix(name, end) + end }

// plain leaves of names and values the characters that Prometheus takes in names.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, text)
}

type counter struct{ prometheus.Counter }

// Inc implements client.MetricsCounter.
func (c counter) Inc(n int64) { c.Add(float64(n)) }

type gauge struct{ prometheus.Gauge }

// Update implements client.MetricsGauge.
func (g gauge) Update(value float64) { g.Set(value) }

type timer struct{ prometheus.Histogram }

// Record implements client.MetricsTimer.
func (t timer) Record(d time.Duration) { t.Observe(d.Seconds()) }
