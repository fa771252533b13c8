package api_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

const backfillPath = "/v1/imports/users/backfill"

// The routes of a backfill ask Temporal once each, and answer with the workflow.
func TestBackfillRoutes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		request request
		status  int
		want    string
	}{
		{request{method: "POST", path: backfillPath}, 202, `start users "" 0 0 false`},
		{post(backfillPath, `{}`), 202, `start users "" 0 0 false`},
		{
			post(backfillPath, `{"where": "id > 7", "parallel": 4, "rows_per_second": 20000}`), 202,
			`start users "id > 7" 4 20000 false`,
		},
		{post(backfillPath, `{"where": null, "parallel": null}`), 202, `start users "" 0 0 false`},
		{post(backfillPath, `{"replace": true}`), 202, `start users "" 0 0 true`},
		{post(backfillPath, `{"replace": false}`), 202, `start users "" 0 0 false`},
		{request{method: "DELETE", path: backfillPath}, 202, "cancel backfill users"},
		{request{method: "POST", path: backfillPath + "/pause"}, 200, "pause backfill users"},
		{request{method: "POST", path: backfillPath + "/resume"}, 200, "resume backfill users"},
	}
	for _, test := range tests {
		t.Run(test.request.method+" "+test.request.path+" "+test.request.body, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			got := b.want(t, test.request, test.status).Body.String()
			if want := `{"import_key":"users","workflow_id":"test:backfill:users"}` + "\n"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if !slices.Equal(b.schedules.calls, []string{test.want}) {
				t.Errorf("calls %q, want %q", b.schedules.calls, test.want)
			}
			b.schedules.err = errDown
			b.want(t, test.request, 503)
			for _, code := range []chferry.Code{chferry.CodeClaimed, chferry.CodeInvalid, chferry.CodeConfiguration} {
				b.schedules.err = chferry.Errorf(code, "what to do")
				got := b.want(t, test.request, 409).Body.String()
				if want := `"detail":"what to do","code":"` + string(code) + `"`; !strings.Contains(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		})
	}
}

// A body that can't be used starts nothing, and the condition is not in the answer.
func TestBackfillRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body   string
		status int
		detail string
	}{
		{`{"where": "name = 'hunter2'", "parallel": 17}`, 422, "parallel must be a whole number from 1 to 16"},
		{`{"parallel": 0}`, 422, "parallel must be a whole number from 1 to 16"},
		{`{"parallel": 1.5}`, 422, "parallel must be a whole number"},
		{`{"rows_per_second": -1}`, 422, "rows_per_second must be a whole number from 1:"},
		{`{"where": " "}`, 422, "where is blank"},
		{`{"where": ""}`, 422, "field where is empty: leave it out for all rows"},
		{`{"where": "` + strings.Repeat("x", 10_001) + `"}`, 422, "where has 10001 bytes, and may have 10000"},
		{`{"where": 7}`, 400, "field where must be a string, this is: number"},
		{`{"parallel": "4"}`, 400, "field parallel must be a number, this is: string"},
		{`{"replace": 1}`, 400, "field replace must be true or false, this is: number"},
		{`{"replace": true, "where": "id > 7"}`, 422, "where and replace exclude each other"},
		{`{"repair": true}`, 400, `unknown field \"repair\"`},
		{`{"where": "x", "where": "y"}`, 400, "field where stands twice"},
		{`[1]`, 400, "a JSON object is needed"},
		{`{"where"`, 400, "the JSON ends too early"},
	}
	for _, test := range tests {
		t.Run(test.detail, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			got := b.want(t, post(backfillPath, test.body), test.status).Body.String()
			if !strings.Contains(got, test.detail) || strings.Contains(got, "hunter2") {
				t.Errorf("got %s, want %s", got, test.detail)
			}
			if len(b.schedules.calls) > 0 {
				t.Errorf("Temporal was asked: %q", b.schedules.calls)
			}
		})
	}
	b := setup(t, nil)
	b.want(t, request{method: "POST", path: backfillPath, contentType: "text/plain", body: `{}`}, 415)
	b.want(t, request{method: "POST", path: backfillPath + "?where=1"}, 400)
	b.want(t, request{method: "POST", path: "/v1/imports/nobody/backfill"}, 404)
	b = setup(t, withBroken(errDown))
	b.want(t, post(backfillPath, `{"where": "id > 7"}`), 503)
	b.want(t, get(backfillPath), 503)
}

// The state is Temporal's, the numbers are the storage's, if both speak of the same backfill.
func TestBackfillStatus(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	want := func(want string) {
		t.Helper()
		if got := b.want(t, get(backfillPath), 200).Body.String(); !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	want(`{"import_key":"users","state":"none","rows":0,"failed":0,"estimated_rows":0,"ranges":0,"finished_ranges":0,` +
		`"rows_per_second":0}`)
	of := storage.Job{Kind: storage.Backfill, Token: "w/first"}
	b.schedules.job = chferry.JobStatus{
		ID: "w", Token: of.Token, Running: true, Status: "Running",
		Failing: []chferry.FailingStep{{Step: "PlanBackfill", Attempt: 3, Reason: "mend that"}},
	}
	got := b.want(t, get(backfillPath), 200).Body.String()
	if want := `"failing":[{"step":"PlanBackfill","attempt":3,"reason":"mend that"}]`; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	b.copied(t, of)
	want(`{"import_key":"users","state":"running","workflow_id":"w","began":"`)
	b.schedules.job.Paused = true
	want(`{"import_key":"users","state":"paused"`)
	got = b.want(t, get(backfillPath), 200).Body.String()
	counts := `"rows":30,"failed":2,"estimated_rows":100,"ranges":2,"finished_ranges":0,`
	if !strings.Contains(got, counts) {
		t.Errorf("got %s, want %s", got, counts)
	}
	got = b.want(t, get("/v1/imports/users"), 200).Body.String()
	if want := `"backfill":{"rows":30,"estimated_rows":100}`; !strings.Contains(got, want) {
		t.Errorf("the status is %s, want %s", got, want)
	}
	b.schedules.job.Token = "w/second"
	got = b.want(t, get(backfillPath), 200).Body.String()
	if !strings.Contains(got, `"rows":0,`) {
		t.Errorf("the numbers of another backfill are shown: %s", got)
	}
	b.schedules.job = chferry.JobStatus{ID: "w", Token: of.Token, Status: "Terminated", Reason: "by hand"}
	want(`{"import_key":"users","state":"terminated"`)
	if err := b.storage.EndRanges(t.Context(), "users", of, "partial"); err != nil {
		t.Fatal(err)
	}
	b.schedules.job.Status = "Completed"
	want(`{"import_key":"users","state":"partial"`)
	b.schedules.job = chferry.JobStatus{} // Temporal has forgotten it
	want(`{"import_key":"users","state":"partial"`)
}

// copied begins a backfill of two ranges and copies some rows.
func (b *bundle) copied(t *testing.T, of storage.Job) {
	t.Helper()
	ctx := t.Context()
	_, err := b.storage.BeginRanges(ctx, "users", of, storage.BeginOptions{Rows: 100, Ranges: make([]storage.Range, 2)})
	if err != nil {
		t.Fatal(err)
	}
	claim, _, err := b.storage.ClaimRange(ctx, "users", of, storage.Reader{Name: "1", Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.storage.SaveCursor(ctx, "users", claim,
		storage.Page{Number: 1, Cursor: "c", Counts: storage.RangeCounts{Rows: 30, Failed: 2}})
	if err != nil {
		t.Fatal(err)
	}
}
