package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// register registers operations over HTTP, in one call.
func (s *Stack) register(ctx context.Context, key string, ops []operation) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	for _, op := range ops {
		if err := encoder.Encode(op); err != nil {
			return fmt.Errorf("encode operations: %w", err)
		}
	}
	var answer struct{ Registered int }
	route := "/v1/imports/" + key + "/operations"
	if err := s.call(ctx, http.MethodPost, route, "application/x-ndjson", &body, &answer); err != nil {
		return fmt.Errorf("register operations: %w", err)
	}
	if answer.Registered != len(ops) {
		return fmt.Errorf("register operations: %d of %d were registered", answer.Registered, len(ops))
	}
	return nil
}

// counts are what the API says of an import key, or of all together.
type counts struct {
	Pending  int64 `json:"pending"`
	InFlight int64 `json:"in_flight"`
	Totals   struct {
		Operations, Rows, Deletes, Coalesced, Failed int64
	} `json:"totals"`
}

// status adds up what the API says of all import keys.
func (s *Stack) status(ctx context.Context) (sum counts, err error) {
	var perKey []counts
	if err := s.call(ctx, http.MethodGet, "/v1/imports", "", nil, &perKey); err != nil {
		return counts{}, fmt.Errorf("ask for the status: %w", err)
	}
	for _, c := range perKey {
		sum.Pending += c.Pending
		sum.InFlight += c.InFlight
		sum.Totals.Operations += c.Totals.Operations
		sum.Totals.Rows += c.Totals.Rows
		sum.Totals.Deletes += c.Totals.Deletes
		sum.Totals.Coalesced += c.Totals.Coalesced
		sum.Totals.Failed += c.Totals.Failed
	}
	return sum, nil
}

// callTimeout bounds one request to the API.
const callTimeout = 30 * time.Second

func (s *Stack) call(ctx context.Context, method, path, contentType string, body *bytes.Buffer, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if body == nil {
		body = &bytes.Buffer{}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.APIAddress+path, body)
	if err != nil {
		return err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var problem struct{ Detail string }
		_ = json.NewDecoder(response.Body).Decode(&problem) // without it the status must do
		return fmt.Errorf("%s: %s", response.Status, problem.Detail)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
