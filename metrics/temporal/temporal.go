// Package temporal puts the Temporal SDK's own metrics, temporal_*, beside ours. It is a package of its own because it
// needs the SDK, which whoever only counts registered operations does not.
package temporal

import (
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uber-go/tally/v4"
	tallyprometheus "github.com/uber-go/tally/v4/prometheus"
	"go.temporal.io/sdk/client"
	sdktally "go.temporal.io/sdk/contrib/tally"
)

// reportInterval is how old a figure may be when it is scraped.
const reportInterval = time.Second

// buckets of the SDK's timers, in seconds: from a poll that is answered at once to a long workflow task.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// Handler returns what the SDK's client.Options.MetricsHandler takes; its metrics go into registry. Closing the closer ends
// its goroutine, after a last report. onError is told of metrics that can't be registered; nil ignores them.
func Handler(registry *prometheus.Registry, onError func(error)) (client.MetricsHandler, io.Closer) {
	reporter := tallyprometheus.NewReporter(tallyprometheus.Options{
		Registerer:              registry,
		Gatherer:                registry,
		DefaultTimerType:        tallyprometheus.HistogramTimerType,
		DefaultHistogramBuckets: buckets,
		// The default is to panic, which a missing figure is not worth.
		OnRegisterError: func(err error) {
			if onError != nil {
				onError(fmt.Errorf("register a metric of the Temporal SDK: %w", err))
			}
		},
	})
	scope, closer := tally.NewRootScope(tally.ScopeOptions{
		CachedReporter:         reporter,
		SanitizeOptions:        &sdktally.PrometheusSanitizeOptions,
		Separator:              tallyprometheus.DefaultSeparator,
		OmitCardinalityMetrics: true,
	}, reportInterval)
	return sdktally.NewMetricsHandler(sdktally.NewPrometheusNamingScope(scope)), closer
}
