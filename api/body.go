package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"unicode/utf8"

	"github.com/chferry/chferry"
)

const (
	// maxBody bounds a request's body, in bytes: [chferry.MaxOperations] primary keys of 1,600 bytes each.
	maxBody = 16 << 20
	// maxBodies bounds the bodies, in bytes, of all requests that run at the same time. A body
	// costs several times its size until Redis has it.
	maxBodies = 128 << 20
	// maxRequests bounds how many requests run at the same time, those of orchestrators apart.
	maxRequests = 4096
)

// budget is a number of bytes, or of requests, that requests share.
type budget struct{ free atomic.Int64 }

func newBudget(size int64) *budget {
	b := &budget{}
	b.free.Store(size)
	return b
}

// take reports whether n were free; then the caller must give them back.
func (b *budget) take(n int64) bool {
	if b.free.Add(-n) >= 0 {
		return true
	}
	b.give(n)
	return false
}

func (b *budget) give(n int64) { b.free.Add(n) }

// errBusy is for a client that may ask again, since nothing of its request was kept.
var errBusy = chferry.Errorf(chferry.CodeUnavailable,
	"the API holds as many requests as it has memory for, and did nothing of this one: ask again later, or send less "+
		"at a time")

// share is the part of a budget that one request has.
type share struct {
	budget *budget
	size   int64
}

// grow takes n bytes more.
func (s *share) grow(n int64) error {
	if !s.budget.take(n) {
		return errBusy
	}
	s.size += n
	return nil
}

// end gives everything back.
func (s *share) end() { s.budget.give(s.size) }

// metered is a body whose bytes are taken from a share as they arrive. What a Content-Length promises costs nothing.
type metered struct {
	body  io.Reader
	share *share
}

// Read implements io.Reader.
func (m metered) Read(p []byte) (int, error) {
	n, err := m.body.Read(p)
	if full := m.share.grow(int64(n)); full != nil {
		return 0, full
	}
	return n, err
}

// readBody reads the whole body, whose bytes it takes from the share.
func readBody(w http.ResponseWriter, r *http.Request, share *share) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, refuse(http.StatusUnsupportedMediaType, "send the body as it is, without Content-Encoding")
	}
	if r.ContentLength > maxBody {
		return nil, errBodyTooLarge
	}
	var body bytes.Buffer
	_, err := body.ReadFrom(metered{http.MaxBytesReader(w, r.Body, maxBody), share})
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errBodyTooLarge
	case errors.Is(err, errBusy):
		return nil, errBusy
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body ended before its Content-Length: send all of it")
	case !utf8.Valid(body.Bytes()):
		// encoding/json would replace what is not UTF-8, and the primary key would be another.
		return nil, refuse(http.StatusBadRequest, "the body is not UTF-8: encode it so")
	case bytes.HasPrefix(body.Bytes(), []byte("\uFEFF")):
		return nil, refuse(http.StatusBadRequest, "the body begins with a byte order mark: send UTF-8 without it")
	}
	return body.Bytes(), nil
}

var errBodyTooLarge = chferry.Errorf(chferry.CodeTooLarge, "the body has more than %d bytes: send less at a time",
	maxBody)
