package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

const verifyPath = "/v1/imports/users/verify"

// The routes of a verify ask Temporal once each, and answer with the workflow.
func TestVerifyRoutes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		request request
		want    string
	}{
		{request{method: "POST", path: verifyPath}, `verify users false "" 0 0`},
		{
			post(verifyPath, `{"repair": true, "where": "id > 7", "sample": 0.05, "parallel": 4}`),
			`verify users true "id > 7" 0.05 4`,
		},
		{request{method: "DELETE", path: verifyPath}, "cancel verify users"},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			got := b.want(t, test.request, 202).Body.String()
			if want := `{"import_key":"users","workflow_id":"test:verify:users"}` + "\n"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if !slices.Equal(b.schedules.calls, []string{test.want}) {
				t.Errorf("calls %q, want %q", b.schedules.calls, test.want)
			}
			b.schedules.err = chferry.Errorf(chferry.CodeClaimed, "what to do")
			b.want(t, test.request, 409)
		})
	}
}

// A body that can't be used starts nothing.
func TestVerifyRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"sample": 0}`: 422, `{"sample": 1.01}`: 422, `{"sample": "0.5"}`: 400, `{"repair": 1}`: 400,
		`{"parallel": 17}`: 422, `{"where": " "}`: 422, `{"rows_per_second": 1}`: 400,
	} {
		b := setup(t, nil)
		b.want(t, post(verifyPath, body), want)
		if len(b.schedules.calls) > 0 {
			t.Errorf("%s: Temporal was asked: %q", body, b.schedules.calls)
		}
	}
}

// What the last verify found is told in numbers, and row by row in pages.
func TestVerifyFound(t *testing.T) {
	t.Parallel()
	ctx, b := t.Context(), setup(t, nil)
	of := storage.Job{Kind: storage.Verify, Token: "w/first"}
	options := storage.BeginOptions{
		Rows: 100, Ranges: make([]storage.Range, 1),
		Options: `{"where":"name = 'hunter2'","not_compared":["password"],"one_way":true}`,
	}
	if _, err := b.storage.BeginRanges(ctx, "users", of, options); err != nil {
		t.Fatal(err)
	}
	claim, _, err := b.storage.ClaimRange(ctx, "users", of, storage.Reader{Name: "1", Attempt: 1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	page := storage.Page{Number: 1, Cursor: "c", Counts: storage.RangeCounts{Rows: 300, Missing: 250, Clamped: 3}}
	for i := range 250 {
		page.Differences = append(page.Differences, storage.Difference{
			Kind: storage.Missing, Database: "default", PrimaryKey: chferry.PrimaryKey{fmt.Sprint(i)},
		})
	}
	if _, err := b.storage.SaveCursor(ctx, "users", claim, page); err != nil {
		t.Fatal(err)
	}
	b.schedules.job = chferry.JobStatus{ID: "w", Token: of.Token, Running: true, Status: "Running"}
	got := b.want(t, get(verifyPath), 200).Body.String()
	for _, want := range []string{
		`"state":"running"`, `"rows":300`, `"missing":250,"stale":0,"surplus":0,"registered":0,"clamped":3,` +
			`"not_compared":["password"],"one_way":true`,
	} {
		if !strings.Contains(got, want) || strings.Contains(got, "hunter2") {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	var seen []string
	pages := 0
	for from := 0; ; pages++ {
		var answer struct {
			Differences []struct {
				Database, Difference string
				PK                   []string
			}
			Next *int
		}
		body := b.want(t, get(fmt.Sprintf("%s/differences?from=%d&limit=120", verifyPath, from)), 200).Body.Bytes()
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		for _, d := range answer.Differences {
			seen = append(seen, d.PK[0])
		}
		if answer.Next == nil {
			break
		}
		from = *answer.Next
	}
	if pages != 2 || len(seen) != 250 || seen[0] != "0" || seen[249] != "249" {
		t.Errorf("%d differences in %d pages and one: %v", len(seen), pages, seen)
	}
	if err := b.storage.EndRanges(ctx, "users", of, "different"); err != nil {
		t.Fatal(err)
	}
	got = b.want(t, get("/v1/imports/users"), 200).Body.String()
	if want := `"verify":{"outcome":"different","ended":"`; !strings.Contains(got, want) ||
		!strings.Contains(got, `"rows":300,"missing":250,"stale":0,"surplus":0}`) {
		t.Errorf("the status is %s, want %s", got, want)
	}
	b.want(t, get("/v1/imports/nobody/verify/differences"), 404)
	down := setup(t, withBroken(errDown))
	for _, path := range []string{verifyPath, verifyPath + "/differences"} {
		down.want(t, get(path), 503)
	}
	for _, query := range []string{"limit=0", "limit=1001", "from=-1", "from=x", "limit=1&limit=2", "page=2"} {
		b.want(t, get(verifyPath+"/differences?"+query), 400)
	}
}

func (s *schedules) VerifyID(key chferry.ImportKey) string { return "test:verify:" + string(key) }

func (s *schedules) StartVerify(ctx context.Context, imp chferry.Import, requests storage.Requests,
	opts chferry.VerifyOptions,
) error {
	if err := requests.KeepRequest(ctx, imp.Key, storage.Verify, "1", opts.Where); err != nil {
		return err
	}
	return s.call(ctx,
		fmt.Sprintf("verify %s %t %q %v %d", imp.Key, opts.Repair, opts.Where, opts.Sample, opts.Parallel))
}

func (s *schedules) CancelVerify(ctx context.Context, key chferry.ImportKey) error {
	return s.call(ctx, "cancel verify "+string(key))
}

func (s *schedules) Verify(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error) {
	return s.Backfill(ctx, key)
}

func (b broken) Differences(context.Context, chferry.ImportKey, int, int) ([]storage.Difference, error) {
	return nil, b.err
}
