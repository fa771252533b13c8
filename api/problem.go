package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/chferry/chferry"
)

// statuses is the one place that says what an error is in HTTP. A code that is not here is a 500.
var statuses = map[chferry.Code]int{
	chferry.CodeInvalid:      http.StatusUnprocessableEntity,
	chferry.CodeUnknownKey:   http.StatusNotFound,
	chferry.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	chferry.CodeQueueFull:    http.StatusTooManyRequests,
	chferry.CodeUnavailable:  http.StatusServiceUnavailable,
	chferry.CodeAccessDenied: http.StatusServiceUnavailable, // ours to another server, not the client's to us
}

// retryAfter says, in seconds, when a request may be worth repeating.
var retryAfter = map[int]string{
	http.StatusTooManyRequests:    "10", // a sync has to make room first
	http.StatusServiceUnavailable: "2",
}

// statusError is an error that HTTP alone knows.
type statusError struct {
	status int
	detail string
	code   chferry.Code // may be empty
}

func (e *statusError) Error() string { return e.detail }

// refuse makes a [statusError]; detail says what to mend.
func refuse(status int, detail string) error {
	return &statusError{status: status, detail: detail}
}

// problem is an RFC 9457 problem. Its type is about:blank, which is left out; code tells problems of one status apart.
type problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Code   chferry.Code `json:"code,omitempty"`
}

// problemOf shows of err only what is safe to show.
func problemOf(err error) problem {
	p := problem{Status: http.StatusInternalServerError}
	var refused *statusError
	var known *chferry.Error
	switch {
	case errors.As(err, &refused):
		p.Status, p.Detail, p.Code = refused.status, refused.detail, refused.code
	case errors.As(err, &known):
		p.Code, p.Detail = known.Code, known.Message
		if status, ok := statuses[known.Code]; ok {
			p.Status = status
		}
	case errors.Is(err, context.DeadlineExceeded):
		p.Status, p.Code = http.StatusServiceUnavailable, chferry.CodeUnavailable
		p.Detail = "a server did not answer in time: ask again later, GET /readyz says which"
	}
	p.Title = http.StatusText(p.Status)
	return p
}

// writeProblem answers with a problem. One that says nothing of itself has said it in the log.
func writeProblem(w http.ResponseWriter, p problem) {
	if p.Detail == "" {
		p.Detail = "this failed for a reason that the API's log tells"
	}
	if after, ok := retryAfter[p.Status]; ok {
		w.Header().Set("Retry-After", after)
	}
	// A problem can always be encoded, and a client that is gone needs none.
	_ = writeBody(w, "application/problem+json", p.Status, p)
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	return writeBody(w, "application/json", status, body)
}

// writeBody encodes before it writes, so that what can't be encoded is a 500.
func writeBody(w http.ResponseWriter, mediaType string, status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	_, _ = w.Write(append(encoded, '\n')) // it can fail only because the client is gone
	return nil
}
