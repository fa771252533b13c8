// Package starter is the client's side of Temporal: it connects, keeps a schedule for each import
// key, triggers syncs and says how they went.
package starter

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chferry/chferry"
)

// Options say which Temporal to speak to, and how. Address and Namespace are defaults: the environment's
// TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS…, TEMPORAL_API_KEY and profiles win.
type Options struct {
	Address   string // default 127.0.0.1:7233
	Namespace string // default "default"
	TaskQueue string // default [chferry.DefaultTaskQueue]
	IDPrefix  string // default [chferry.DefaultIDPrefix]
	// Environment is where TEMPORAL_* are looked up; nil: nothing is set. A program gives envconfig.EnvLookupOS.
	Environment envconfig.EnvLookup
	Metrics     client.MetricsHandler // nil: none
	Log         *slog.Logger          // nil: none
}

// Starter speaks to one namespace. It is safe for concurrent use.
type Starter struct {
	client    client.Client
	address   string
	namespace string
	taskQueue string
	prefix    string
	actions   actions
}

const (
	// callTimeout bounds one call to Temporal with its repetitions.
	callTimeout = 10 * time.Second
	// lostAfter is twice the time after which a call is made again: the SDK gives up at half of what it is given.
	lostAfter = 4 * time.Second
	// keepAliveTime is after how long a connection on which nothing arrives is asked for a sign of
	// life. Servers, and gRPC, allow no less.
	keepAliveTime = 10 * time.Second
	// keepAliveTimeout is for how long the sign of life is waited for. Then the connection is made anew.
	keepAliveTimeout = 5 * time.Second
)

// New returns a starter. It does not connect yet: a Temporal that is down is an error of the first call.
func New(opts Options) (*Starter, error) {
	options, err := clientOptions(opts)
	if err != nil {
		return nil, err
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err,
			"Temporal's client options don't fit together: check TEMPORAL_ADDRESS, TEMPORAL_TLS_… and TEMPORAL_API_KEY")
	}
	s := &Starter{
		client: c, address: options.HostPort, namespace: options.Namespace,
		taskQueue: opts.TaskQueue, prefix: opts.IDPrefix,
	}
	if s.taskQueue == "" {
		s.taskQueue = chferry.DefaultTaskQueue
	}
	if s.prefix == "" {
		s.prefix = chferry.DefaultIDPrefix
	}
	return s, nil
}

// Client returns the connection, for a worker. It is closed by Close.
func (s *Starter) Client() client.Client { return s.client }

// TaskQueue returns the task queue that schedules start workflows on.
func (s *Starter) TaskQueue() string { return s.taskQueue }

// Address returns where Temporal is: host and port.
func (s *Starter) Address() string { return s.address }

// Close closes the connection.
func (s *Starter) Close() { s.client.Close() }

// Check returns nil if Temporal answers and has the namespace.
func (s *Starter) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.client.WorkflowService().DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: s.namespace})
	return s.translate(err)
}

// repeated makes a call that may be made twice, until it is answered or nobody is there. What is
// asked of a schedule is asked of the workflow behind it, and a busy server loses such a question
// now and then.
func (s *Starter) repeated(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for {
		err := attempt(ctx, call)
		var late *serviceerror.DeadlineExceeded
		lost := errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
		if ctx.Err() != nil || !lost || s.Check(ctx) != nil {
			return err
		}
	}
}

func attempt(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, lostAfter)
	defer cancel()
	return call(ctx)
}

// tlsFailed tells whether a connection ended because of TLS, of which gRPC leaves nothing but these
// words: the first if this side found fault with the other, the second if the other did with this
// one, as with a client certificate that is missing.
func tlsFailed(err error) bool {
	return strings.Contains(err.Error(), "authentication handshake failed") ||
		strings.Contains(err.Error(), "remote error: tls")
}

// translate makes an error of Temporal's a chferry.Error; nil stays nil.
func (s *Starter) translate(err error) error {
	var (
		noNamespace *serviceerror.NamespaceNotFound
		denied      *serviceerror.PermissionDenied
		invalid     *serviceerror.InvalidArgument
		exhausted   *serviceerror.ResourceExhausted
		cancelled   *serviceerror.Canceled
		known       *chferry.Error
	)
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.As(err, &cancelled):
		return chferry.WrapError(chferry.CodeUnavailable, err, "interrupted while Temporal at %s was asked", s.address)
	case errors.Is(err, temporal.ErrScheduleAlreadyRunning):
		return chferry.WrapError(chferry.CodeUnavailable, err,
			"somebody else created the same schedule in Temporal at %s just now: run chferry apply again", s.address)
	case errors.As(err, &noNamespace):
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"Temporal at %s has no namespace %q: create it or mend temporal.namespace", s.address, s.namespace)
	case errors.As(err, &denied), status.Code(err) == codes.Unauthenticated:
		return chferry.WrapError(chferry.CodeAccessDenied, err,
			"Temporal at %s denies access to namespace %q: check TEMPORAL_API_KEY or the client certificate",
			s.address, s.namespace)
	case errors.As(err, &exhausted):
		return chferry.WrapError(chferry.CodeUnavailable, err, "Temporal at %s is overloaded: %s: try again later",
			s.address, exhausted.Message)
	case tlsFailed(err):
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"Temporal at %s and chferry do not agree on TLS: check TEMPORAL_TLS and the certificates", s.address)
	case errors.As(err, &invalid):
		return chferry.WrapError(chferry.CodeConfiguration, err, "Temporal at %s refuses the request: %s",
			s.address, invalid.Error())
	default:
		return chferry.WrapError(chferry.CodeUnavailable, err,
			"Temporal at %s does not answer: start it or mend temporal.address", s.address)
	}
}
