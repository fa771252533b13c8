// Package serve runs an HTTP server that can't be held up by slow clients and that ends without
// dropping a request. The API and the worker's metrics are served by it.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/chferry/chferry"
)

// Limits on clients.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = time.Minute // a full body over a slow line
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
)

// StopTimeout is how long requests that run when the context ends may go on.
const StopTimeout = 10 * time.Second

// HTTP serves handler on listen, a host and port, until ctx ends, and then waits up to
// [StopTimeout] for requests that are running. started, unless nil, is told the address, which says
// the port when listen asks for port 0. An address that can't be listened on gives
// [chferry.CodeConfiguration].
func HTTP(ctx context.Context, listen string, handler http.Handler, started func(address string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"can't listen on %s: %s: choose another address or stop what uses it", listen, reason(err))
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if started != nil {
		started(listener.Addr().String())
	}
	select {
	case err := <-ended:
		return chferry.WrapError(chferry.CodeUnknown, err, "serving on %s ended by itself", listen)
	case <-ctx.Done():
		return stop(ctx, server, ended)
	}
}

func stop(ctx context.Context, server *http.Server, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if err != nil {
		_ = server.Close() // requests that outlive the timeout are cut off
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", served)
	}
	if err != nil {
		return chferry.WrapError(chferry.CodeUnknown, err, "requests were still running %s after the stop", StopTimeout)
	}
	return nil
}

func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}
