package clickhouse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
)

// failure makes a [chferry.Error] of what went wrong while doing something under ctx, the caller's
// context; nil stays nil. The server's own words are kept out of the text: they may hold values of
// rows.
func (c *Client) failure(ctx context.Context, doing string, err error) error {
	var known *chferry.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	out := c.classify(ctx, doing, err)
	if chferry.CodeOf(out) == chferry.CodeUnavailable && ctx.Err() == nil {
		c.forget()
	}
	return out
}

func (c *Client) classify(ctx context.Context, doing string, err error) error {
	if cause := ctx.Err(); cause != nil {
		return chferry.WrapError(chferry.CodeUnavailable, errors.Join(cause, err), "%s: %s", doing, cause)
	}
	if c.calls.hasEnded() {
		return chferry.WrapError(chferry.CodeUnavailable, err, "%s: the client was closed", doing)
	}
	var exception *ch.Exception
	if errors.As(err, &exception) {
		if isTooManyPartitions(exception) {
			return chferry.WrapError(chferry.CodeConfiguration, err,
				"%s: ClickHouse refused with code %d: a block has rows of more partitions than the user may insert "+
					"at once: let the user set %s in its profile, raise it there, or partition by less",
				doing, exception.Code, partitionsSetting)
		}
		return refused(doing, err, proto.Error(exception.Code))
	}
	var answer *ch.HTTPError
	if errors.As(err, &answer) {
		return c.httpFailure(doing, err, answer.StatusCode)
	}
	if reason := withoutTLS(err); reason != "" {
		return chferry.WrapError(chferry.CodeConfiguration, err, "%s: ClickHouse at %s %s", doing, c.address, reason)
	}
	if reason, ok := unreachable(err); ok {
		return chferry.WrapError(chferry.CodeUnavailable, err,
			"%s: ClickHouse does not answer at %s: %s: start it or mend clickhouse.url",
			doing, c.address, reason)
	}
	return chferry.WrapError(chferry.CodeUnknown, err,
		"%s: what answers at %s can't be understood: does clickhouse.url name the right port (native 9000, HTTP 8123)?",
		doing, c.address)
}

func (c *Client) httpFailure(doing string, err error, status int) error {
	code := chferry.CodeUnavailable
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		code = chferry.CodeAccessDenied
	case status < http.StatusInternalServerError && status != http.StatusTooManyRequests &&
		status != http.StatusRequestTimeout:
		code = chferry.CodeConfiguration
	}
	return chferry.WrapError(code, err, "%s: %s answered HTTP %d %s: mend clickhouse.url or see the server's log",
		doing, c.address, status, http.StatusText(status))
}

// withoutTLS says why there is no TLS with the server, which stays until somebody mends it; empty
// if that is not the reason.
func withoutTLS(err error) string {
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &name):
		return "has a certificate for another name: mend the host in clickhouse.url"
	case errors.As(err, &certificate), errors.As(err, &authority):
		return "has a certificate that is not trusted: add its authority to those of this machine, as with " +
			"SSL_CERT_FILE, or renew it if it is over"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "does not speak TLS: mend the port in clickhouse.url (native 9440, HTTPS 8443), or ask for no TLS"
	case errors.As(err, &alert):
		return "refuses TLS with chferry, as it does if it wants a client's certificate: see its log"
	default:
		return ""
	}
}

// unreachable tells whether err says that nobody answered, and how.
func unreachable(err error) (reason string, ok bool) {
	var number syscall.Errno
	var lookup *net.DNSError
	var timeout net.Error
	var network *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ch.ErrAcquireConnTimeout):
		return "no answer in time", true
	case errors.As(err, &lookup):
		return "the host's name can't be resolved", true
	case errors.As(err, &number):
		return number.Error(), true
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time", true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, ch.ErrConnectionClosed), errors.As(err, &network):
		return "the connection was closed", true
	default:
		return "", false
	}
}

// misfit is a [chferry.CodeSchemaMismatch] about a table.
func misfit(t table, format string, args ...any) error {
	return chferry.Errorf(chferry.CodeSchemaMismatch, "table %s: %s", t, fmt.Sprintf(format, args...))
}
