package api_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/metrics"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

func TestMain(m *testing.M) { testenv.Main(m) }

var imports = []chferry.Import{
	{Key: "users", Databases: []string{"default"}, MaxPending: 5},
	{Key: "orders", Databases: []string{"eu", "us"}, PrimaryKey: []string{"shop_id", "number"}, DatabaseColumn: "db"},
	{Key: "bulk", Databases: []string{"default"}},
}

// bundle is an API on a real Redis, with a fake in the place of Temporal.
type bundle struct {
	storage   *redis.Storage
	schedules *schedules
	opts      api.Options
	handler   http.Handler
}

// setup returns a bundle whose options change has changed.
func setup(t testing.TB, change func(*api.Options)) *bundle {
	t.Helper()
	limits := map[chferry.ImportKey]int64{}
	for _, i := range imports {
		limits[i.Key] = i.MaxPending
	}
	s, err := redis.Open(testenv.Redis(t), redis.Options{
		Prefix:     rand.Text(), // the server may be shared with other tests and other runs
		MaxPending: func(key chferry.ImportKey) int64 { return limits[key] },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	registry := prometheus.NewRegistry()
	b := &bundle{storage: s, schedules: &schedules{known: map[chferry.ImportKey]chferry.Schedule{}}}
	b.opts = api.Options{
		Imports:       chferry.ImportList(imports),
		Registrar:     storage.RegisterOperationsWrapped(s, metrics.New(registry), slog.New(slog.DiscardHandler)),
		Administrator: s,
		Schedules:     b.schedules,
		Backfills:     b.schedules,
		Verifies:      b.schedules,
		Metrics:       metrics.Handler(registry),
	}
	if change != nil {
		change(&b.opts)
	}
	b.handler = api.New(b.opts)
	return b
}

// request is what a test sends.
type request struct {
	method, path, contentType, body string
	header                          map[string]string
}

func post(path, body string) request {
	return request{method: http.MethodPost, path: path, contentType: "application/json", body: body}
}

func get(path string) request { return request{method: http.MethodGet, path: path} }

func (b *bundle) do(r request) *httptest.ResponseRecorder {
	return b.doContext(context.Background(), r)
}

func (b *bundle) doContext(ctx context.Context, r request) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(ctx, r.method, r.path, strings.NewReader(r.body))
	req.Host = "127.0.0.1:8088"
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	b.handler.ServeHTTP(recorder, req)
	return recorder
}

// want sends r and fails unless the answer has this status; a status from 400 on must be a problem.
func (b *bundle) want(t *testing.T, r request, status int) *httptest.ResponseRecorder {
	t.Helper()
	response := b.do(r)
	if response.Code != status {
		t.Fatalf("%s %s: status %d, want %d: %s", r.method, r.path, response.Code, status, response.Body)
	}
	if status >= 400 && r.path != "/readyz" {
		checkProblem(t, response, status)
	}
	return response
}

func checkProblem(t *testing.T, response *httptest.ResponseRecorder, status int) {
	t.Helper()
	if got := response.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type: got %q", got)
	}
	var problem struct {
		Title, Detail string
		Status        int
	}
	if err := json.Unmarshal(response.Body.Bytes(), &problem); err != nil {
		t.Fatalf("%v: %s", err, response.Body)
	}
	if problem.Status != status || problem.Title != http.StatusText(status) {
		t.Errorf("got problem %+v", problem)
	}
	if problem.Detail == "" && status != http.StatusInternalServerError {
		t.Errorf("the problem does not say what to mend: %s", response.Body)
	}
}

func decode(t *testing.T, body io.Reader, into any) {
	t.Helper()
	decoder := json.NewDecoder(body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// claim claims the next batch of key.
func (b *bundle) claim(t *testing.T, key chferry.ImportKey) chferry.Batch {
	t.Helper()
	if _, err := b.storage.PreSync(t.Context(), key, storage.PreSyncOptions{Token: "test"}); err != nil {
		t.Fatal(err)
	}
	batch, err := b.storage.GetOperations(t.Context(), key, storage.GetOptions{Token: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// kept claims everything that is registered for key and returns it.
func (b *bundle) kept(t *testing.T, key chferry.ImportKey) []chferry.Operation {
	t.Helper()
	start, err := b.storage.PreSync(t.Context(), key, storage.PreSyncOptions{Token: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if !start.Claimed {
		return nil
	}
	batch, err := b.storage.GetOperations(t.Context(), key, storage.GetOptions{Token: "test"})
	if err != nil {
		t.Fatal(err)
	}
	var all []chferry.Operation
	for page, err := range b.storage.BatchOperations(t.Context(), key, "test", batch) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
	}
	return all
}

// schedules stands in for Temporal: it knows schedules, remembers what it is asked to do, and fails
// or hangs when told so.
type schedules struct {
	mu    sync.Mutex
	known map[chferry.ImportKey]chferry.Schedule
	calls []string
	job   chferry.JobStatus
	err   error
	hangs bool
}

func (s *schedules) call(ctx context.Context, what string) error {
	s.mu.Lock()
	s.calls = append(s.calls, what)
	err, hangs := s.err, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (s *schedules) Trigger(ctx context.Context, key chferry.ImportKey) error {
	return s.call(ctx, "trigger "+string(key))
}

func (s *schedules) Pause(ctx context.Context, key chferry.ImportKey, note string) error {
	return s.call(ctx, "pause "+string(key)+": "+note)
}

func (s *schedules) Resume(ctx context.Context, key chferry.ImportKey, note string) error {
	return s.call(ctx, "resume "+string(key)+": "+note)
}

func (s *schedules) Check(ctx context.Context) error { return s.call(ctx, "check") }

func (s *schedules) Describe(ctx context.Context, key chferry.ImportKey) (chferry.Schedule, error) {
	if err := s.call(ctx, "describe "+string(key)); err != nil {
		return chferry.Schedule{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	schedule, ok := s.known[key]
	if !ok {
		return schedule, chferry.Errorf(chferry.CodeConfiguration, "there is no schedule of %s: run chferry apply", key)
	}
	return schedule, nil
}

func (s *schedules) BackfillID(key chferry.ImportKey) string { return "test:backfill:" + string(key) }

func (s *schedules) StartBackfill(ctx context.Context, imp chferry.Import, requests storage.Requests,
	opts chferry.BackfillOptions,
) error {
	if err := requests.KeepRequest(ctx, imp.Key, storage.Backfill, "1", opts.Where); err != nil {
		return err
	}
	return s.call(ctx, fmt.Sprintf("start %s %q %d %d %t", imp.Key, opts.Where, opts.Parallel,
		opts.RowsPerSecond, opts.Replace))
}

func (s *schedules) PauseBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.call(ctx, "pause backfill "+string(key))
}

func (s *schedules) ResumeBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.call(ctx, "resume backfill "+string(key))
}

func (s *schedules) CancelBackfill(ctx context.Context, key chferry.ImportKey) error {
	return s.call(ctx, "cancel backfill "+string(key))
}

func (s *schedules) Backfill(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error) {
	return s.job, s.call(ctx, "backfill "+string(key))
}

// broken is a storage that fails in one way.
type broken struct{ err error }

func (b broken) RegisterOperations(context.Context, chferry.ImportKey, ...chferry.Operation) (int, error) {
	return 0, b.err
}
func (b broken) Flush(context.Context, ...chferry.ImportKey) error { return b.err }
func (b broken) Status(context.Context, ...chferry.ImportKey) ([]chferry.Status, error) {
	return nil, b.err
}

func (b broken) RangesProgress(context.Context, chferry.ImportKey, storage.JobKind) (storage.Progress, error) {
	return storage.Progress{}, b.err
}

func (b broken) KeepRequest(context.Context, chferry.ImportKey, storage.JobKind, string, string) error {
	return b.err
}

func (b broken) Request(context.Context, chferry.ImportKey, storage.JobKind, string) (string, error) {
	return "", b.err
}
func (b broken) RetryFailed(context.Context, chferry.ImportKey) (int, error)   { return 0, b.err }
func (b broken) DiscardFailed(context.Context, chferry.ImportKey) (int, error) { return 0, b.err }
func (b broken) FailedOperations(context.Context, chferry.ImportKey) iter.Seq2[[]chferry.FailedOperation, error] {
	return func(yield func([]chferry.FailedOperation, error) bool) { yield(nil, b.err) }
}

func withBroken(err error) func(*api.Options) {
	return func(o *api.Options) { o.Registrar, o.Administrator = broken{err}, broken{err} }
}

var errDown = chferry.Errorf(chferry.CodeUnavailable, "a server does not answer: start it")

func TestServe(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- api.Serve(ctx, "127.0.0.1:0", b.handler, func(a string) { address <- a }) }()
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Post("http://"+<-address+"/v1/imports/users/operations", "application/json",
		strings.NewReader(`{"operation":"insert","pks":["1","2"],"database":"default"}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || string(body) != "{\"registered\":2}\n" {
		t.Errorf("got %d %q, %v", response.StatusCode, body, err)
	}
	client.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
