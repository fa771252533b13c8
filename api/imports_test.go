package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/storage"
)

func TestGetImport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	next := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	b.schedules.known["users"] = chferry.Schedule{Spec: "every 5s", Next: next}
	b.want(t, post(operations, `{"operation":"insert","pks":["1","2","3"]}`), 200)
	b.kept(t, "users")
	b.want(t, post(operations, `{"operation":"insert","pks":["4"]}`), 200)

	var got api.ImportStatus
	decode(t, b.want(t, get("/v1/imports/users"), 200).Body, &got)
	if got.Key != "users" || got.Pending != 1 || got.InFlight != 3 || got.Failed != 0 ||
		got.Totals != (chferry.Counts{}) {
		t.Errorf("got %+v", got)
	}
	if got.LastSync == nil || time.Since(*got.LastSync) > time.Minute {
		t.Errorf("last_sync_time: got %v", got.LastSync)
	}
	if got.OldestPending == nil || *got.OldestPending < 0 || *got.OldestPending > 60 {
		t.Errorf("oldest_pending_seconds: got %v", got.OldestPending)
	}
	if want := (&chferry.Schedule{Spec: "every 5s", Next: next}); !reflect.DeepEqual(got.Schedule, want) {
		t.Errorf("schedule: got %+v, want %+v", got.Schedule, want)
	}
}

func TestGetImportOfNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	want := `{"import_key":"bulk","pending":0,"in_flight":0,"failed":0,"last_sync_time":null,` +
		`"oldest_pending_seconds":null,` +
		`"totals":{"operations":0,"rows":0,"deletes":0,"coalesced":0,"failed":0},"schedule":null,` +
		`"schedule_problem":"there is no schedule of bulk: run chferry apply","schema":[]}` + "\n"
	if got := b.want(t, get("/v1/imports/bulk"), 200).Body.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestGetImportWithSchema(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	want := []string{`column "a" is not in ClickHouse`, "another"}
	if err := b.storage.NoteSchema(t.Context(), "users", "", want); err != nil {
		t.Fatal(err)
	}
	var got api.ImportStatus
	decode(t, b.want(t, get("/v1/imports/users"), 200).Body, &got)
	if !slices.Equal(got.Schema, want) {
		t.Errorf("got %q, want %q", got.Schema, want)
	}
}

// TestFailingImport: the status tells why syncs don't get on, until one does.
func TestFailingImport(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.want(t, post(operations, `{"operation":"insert","pks":["1"]}`), 200)
	batch := b.claim(t, "users")
	for range 2 {
		err := b.storage.NoteFailure(t.Context(), "users", "test", "InsertBatch", chferry.CodeSchemaMismatch,
			"column a: make it String")
		if err != nil {
			t.Fatal(err)
		}
	}
	var got api.ImportStatus
	decode(t, b.want(t, get("/v1/imports/users"), 200).Body, &got)
	f := got.Failing
	if f == nil || f.Attempts != 2 || f.Step != "InsertBatch" || f.Code != chferry.CodeSchemaMismatch ||
		f.Reason != "column a: make it String" || f.Since.IsZero() || f.Last.Before(f.Since) {
		t.Errorf("failing: got %+v", f)
	}
	if _, err := b.storage.PostSync(t.Context(), "users", storage.PostSyncOptions{
		Token: "test", BatchID: batch.ID, Counts: chferry.Counts{Operations: 1, Rows: 1}, Last: true,
	}); err != nil {
		t.Fatal(err)
	}
	body := b.want(t, get("/v1/imports/users"), 200).Body.String()
	if strings.Contains(body, `"failing"`) || !strings.Contains(body, `"last_outcome":"synced"`) {
		t.Errorf("after a sync: got %s", body)
	}
}

// polled is a Temporal that knows its workers.
type polled struct {
	*schedules
	workers int
}

func (p polled) Pollers(ctx context.Context) (int, error) { return p.workers, p.call(ctx, "pollers") }

// TestWorkers: a list that nobody works on says so, at the cost of one question.
func TestWorkers(t *testing.T) {
	t.Parallel()
	for workers, err := range map[int]error{0: nil, 3: nil, 7: errDown} {
		t.Run(fmt.Sprint(workers), func(t *testing.T) {
			t.Parallel()
			fake := &schedules{err: err}
			b := setup(t, func(o *api.Options) { o.Schedules = polled{fake, workers} })
			body, want := b.want(t, get("/v1/imports"), 200).Body.String(), len(imports)
			if err != nil {
				want = 0
			}
			if got := strings.Count(body, fmt.Sprintf(`"workers":%d}`, workers)); got != want {
				t.Errorf("got %s", body)
			}
			if got := slices.DeleteFunc(fake.calls, func(c string) bool { return c != "pollers" }); len(got) != 1 {
				t.Errorf("asked %d times", len(got))
			}
		})
	}
}

// An answer that can't be encoded is a 500, not half an answer.
func TestGetImportThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.schedules.known["users"] = chferry.Schedule{Next: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}
	b.want(t, get("/v1/imports/users"), 500)
}

func TestTotals(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.want(t, post(operations, `{"operation":"insert","pks":["1","1","2"]}`), 200)
	b.kept(t, "users")
	batch, err := b.storage.GetOperations(t.Context(), "users", storage.GetOptions{Token: "test"})
	if err != nil {
		t.Fatal(err)
	}
	want := chferry.Counts{Operations: 3, Rows: 1, Deletes: 1, Coalesced: 1}
	if _, err := b.storage.PostSync(t.Context(), "users",
		storage.PostSyncOptions{Token: "test", BatchID: batch.ID, Counts: want}); err != nil {
		t.Fatal(err)
	}
	var got api.ImportStatus
	decode(t, b.want(t, get("/v1/imports/users"), 200).Body, &got)
	if got.Totals != want || got.InFlight != 0 || got.OldestPending != nil {
		t.Errorf("got %+v, want totals %+v", got, want)
	}
}

func TestListImports(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.schedules.known["orders"] = chferry.Schedule{Spec: "by hand", Paused: true, Note: "moving house"}
	var got []api.ImportStatus
	decode(t, b.want(t, get("/v1/imports"), 200).Body, &got)
	if len(got) != len(imports) || got[0].Key != "users" || got[1].Key != "orders" || got[2].Key != "bulk" {
		t.Fatalf("got %+v", got)
	}
	if got[0].Schedule != nil || got[1].Schedule == nil || !got[1].Schedule.Paused {
		t.Errorf("schedules: got %v, %v", got[0].Schedule, got[1].Schedule)
	}
}

// A Temporal that hangs costs a second, not the answer.
func TestImportsWithoutTemporal(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.schedules.hangs = true
	start := time.Now()
	if got := b.want(t, get("/v1/imports"), 200).Body.String(); strings.Count(got, `"schedule":null`) != len(imports) {
		t.Errorf("got %s", got)
	}
	if took := time.Since(start); took < time.Second || took > 4*time.Second {
		t.Errorf("took %s, want a second", took)
	}
}

type slowSchedules struct{ running, most atomic.Int64 }

func (s *slowSchedules) Describe(context.Context, chferry.ImportKey) (chferry.Schedule, error) {
	n := s.running.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
	}
	time.Sleep(5 * time.Millisecond)
	s.running.Add(-1)
	return chferry.Schedule{Spec: "every 5s"}, nil
}

// stuckSchedules never answer in time, but for two keys.
type stuckSchedules struct{}

func (stuckSchedules) Describe(ctx context.Context, key chferry.ImportKey) (chferry.Schedule, error) {
	switch key {
	case "known":
		return chferry.Schedule{Spec: "every 5s"}, nil
	case "unclear":
		return chferry.Schedule{}, errors.New("hunter2")
	}
	<-ctx.Done()
	return chferry.Schedule{},
		chferry.WrapError(chferry.CodeUnavailable, ctx.Err(), "Temporal at host:7233 does not answer")
}

// TestScheduleProblems: a schedule that is not known has the reason in its place, also if Temporal is only slow.
func TestScheduleProblems(t *testing.T) {
	t.Parallel()
	got, err := api.ReadStatus(t.Context(), manyStatuses{}, stuckSchedules{},
		[]chferry.Import{{Key: "known"}, {Key: "unclear"}, {Key: "slow"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"", "Temporal can't be asked",
		"not told within 1s: Temporal at host:7233 does not answer; if Temporal is only slow, ask again",
	} {
		if s := got[i]; s.ScheduleProblem != want || (s.Schedule == nil) != (want != "") {
			t.Errorf("%s: the schedule is %+v, its problem %q, want %q", s.Key, s.Schedule, s.ScheduleProblem, want)
		}
	}
}

type manyStatuses struct{}

func (manyStatuses) Status(_ context.Context, keys ...chferry.ImportKey) ([]chferry.Status, error) {
	return make([]chferry.Status, len(keys)), nil
}

// Schedules are asked for side by side, but not all at once.
func TestReadStatusOfMany(t *testing.T) {
	t.Parallel()
	many := make([]chferry.Import, 100)
	for i := range many {
		many[i].Key = chferry.ImportKey(fmt.Sprintf("key-%d", i))
	}
	slow := &slowSchedules{}
	got, err := api.ReadStatus(t.Context(), manyStatuses{}, slow, many, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got {
		if s.Key != many[i].Key || s.Schedule == nil {
			t.Errorf("%d: got %+v", i, s)
		}
	}
	if most := slow.most.Load(); most < 2 || most > 8 {
		t.Errorf("%d schedules were asked for at a time", most)
	}
	got, err = api.ReadStatus(t.Context(), manyStatuses{}, nil, many[:1], time.Now())
	if err != nil || got[0].Schedule != nil {
		t.Errorf("without schedules: got %+v, %v", got, err)
	}
}

// TestConfigurationReplaced: every route goes by the imports of the moment.
func TestConfigurationReplaced(t *testing.T) {
	t.Parallel()
	live := config.NewLive(&config.Config{Imports: imports})
	b := setup(t, func(o *api.Options) { o.Imports = live })
	b.want(t, post("/v1/imports/users/operations", `{"operation":"insert","pks":["1"]}`), http.StatusOK)
	live.Replace(&config.Config{Imports: []chferry.Import{{Key: "shops", Databases: []string{"default"}}}})
	b.want(t, post("/v1/imports/users/operations", `{"operation":"insert","pks":["2"]}`), http.StatusNotFound)
	b.want(t, post("/v1/imports/shops/operations", `{"operation":"insert","pks":["1"]}`), http.StatusOK)
	b.want(t, get("/v1/imports/shops"), http.StatusOK)
	var listed []struct {
		Key string `json:"import_key"`
	}
	answer := b.want(t, get("/v1/imports"), http.StatusOK)
	if err := json.Unmarshal(answer.Body.Bytes(), &listed); err != nil || len(listed) != 1 || listed[0].Key != "shops" {
		t.Errorf("the imports are %+v (%v), want shops alone", listed, err)
	}
}
