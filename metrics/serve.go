package metrics

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chferry/chferry/internal/serve"
)

// Serve serves gatherer's metrics at /metrics on listen, a host and port, until ctx ends. started,
// unless nil, is told the address once it is listened on. An address that can't be used gives
// [chferry.CodeConfiguration].
func Serve(ctx context.Context, listen string, gatherer prometheus.Gatherer, started func(address string)) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", Handler(gatherer))
	return serve.HTTP(ctx, listen, mux, started)
}
