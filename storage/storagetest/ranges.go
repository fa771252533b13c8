package storagetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// rangeTests are what the contract says of ranges.
var rangeTests = []contractTest{
	{"ranges come as they went", testManyRanges},
	{"ranges of one job at a time", testBeginRanges},
	{"ranges of a dead reader", testDeadReader},
	{"ranges and their differences", testDifferences},
	{"ranges in any order", testRangesAnyOrder},
	{"requests of jobs", testRequests},
}

func job(kind storage.JobKind, token string) storage.Job {
	return storage.Job{Kind: kind, Token: token}
}

func (b *bundle) begin(job storage.Job, ranges ...storage.Range) {
	b.t.Helper()
	_, err := b.BeginRanges(b.ctx(), b.key, job, storage.BeginOptions{Ranges: ranges})
	b.ok(err)
}

func (b *bundle) claimRange(job storage.Job, name string) storage.Claim {
	b.t.Helper()
	claim, _, err := b.ClaimRange(b.ctx(), b.key, job, storage.Reader{Name: name, Attempt: 1}, 0)
	b.ok(err)
	return claim
}

// testManyRanges: ranges come as they went, whatever bytes their borders have and however many there are.
func testManyRanges(t *testing.T, b *bundle) {
	ranges := make([]storage.Range, 1_300)
	for i := range ranges {
		ranges[i] = storage.Range{
			Database: "eu", Pass: "source", After: fmt.Sprintf("\x00\xff\"%d", i),
			UpTo: fmt.Sprintf("\x00\xff\"%d", i+1),
		}
	}
	ranges[0].After, ranges[len(ranges)-1].UpTo = "", ""
	backfill := job(storage.Backfill, "a")
	b.begin(backfill, ranges...)
	for i, want := range ranges {
		claim := b.claimRange(backfill, "reader")
		if claim.Range != want || claim.Number != int64(i) {
			t.Fatalf("range %d is %+v", i, claim)
		}
		remaining, err := b.FinishRange(b.ctx(), b.key, claim, storage.Page{Number: 1, Counts: storage.RangeCounts{
			Rows: 1, Failed: 2, Clamped: 3, Missing: 4, Stale: 5, Surplus: 6, Registered: 7,
		}})
		b.ok(err)
		if int(remaining) != len(ranges)-1-i {
			t.Fatalf("%d ranges remain after %d of %d", remaining, i+1, len(ranges))
		}
	}
	got, err := b.RangesProgress(b.ctx(), b.key, storage.Backfill)
	b.ok(err)
	want := storage.RangeCounts{
		Rows: 1300, Failed: 2600, Clamped: 3900, Missing: 5200, Stale: 6500, Surplus: 7800,
		Registered: 9100,
	}
	if got.Counts != want || got.Finished != 1300 || got.Pending != 0 || got.Claimed != 0 || !got.Open {
		t.Fatalf("the progress is %+v", got)
	}
	b.begin(job(storage.Verify, "a"))
	if _, others, err := b.ClaimRange(b.ctx(), b.key, job(storage.Verify, "a"), storage.Reader{Name: "r", Attempt: 1},
		0); err != nil || others != 0 {
		t.Fatalf("of a table without rows %d ranges are claimed, %v", others, err)
	}
}

// testBeginRanges: one job of a kind is open at a time; another one is told, or takes the place of
// one that is known to have ended.
func testBeginRanges(t *testing.T, b *bundle) {
	first, second := job(storage.Backfill, "first"), job(storage.Backfill, "second")
	b.begin(first, storage.Range{UpTo: "1"})
	b.begin(first, storage.Range{UpTo: "another cut"})
	b.begin(job(storage.Verify, "second"))
	claim := b.claimRange(first, "reader")
	if claim.UpTo != "1" {
		t.Fatalf("begun twice, the range is %+v", claim)
	}
	_, err := b.BeginRanges(b.ctx(), b.key, second, storage.BeginOptions{})
	b.wantCode(err, chferry.CodeClaimed)
	_, err = b.BeginRanges(b.ctx(), b.key, second,
		storage.BeginOptions{Closed: func(_ context.Context, token string) bool { return token == "first" }})
	b.ok(err)
	_, err = b.SaveCursor(b.ctx(), b.key, claim, storage.Page{Number: 1})
	b.wantCode(err, chferry.CodeSuperseded)
	b.wantCode(b.EndRanges(b.ctx(), b.key, first, "done"), chferry.CodeSuperseded)
	b.ok(b.EndRanges(b.ctx(), b.key, second, "done"))
	b.begin(first)
	for _, wrong := range []storage.Job{{Kind: "copy", Token: "a"}, {Kind: storage.Verify}} {
		_, err := b.BeginRanges(b.ctx(), b.key, wrong, storage.BeginOptions{})
		b.wantCode(err, chferry.CodeInvalid)
		_, _, err = b.ClaimRange(b.ctx(), b.key, wrong, storage.Reader{}, 0)
		b.wantCode(err, chferry.CodeInvalid)
	}
}

// testDeadReader: a reader falls silent, another one goes on behind its cursor, and the first comes back.
func testDeadReader(t *testing.T, b *bundle) {
	backfill := job(storage.Backfill, "a")
	b.begin(backfill, storage.Range{UpTo: "9"})
	slow := b.claimRange(backfill, "slow")
	_, err := b.SaveCursor(b.ctx(), b.key, slow,
		storage.Page{Number: 1, Cursor: "4", Counts: storage.RangeCounts{Rows: 4}, Lease: time.Millisecond})
	b.ok(err)
	time.Sleep(5 * time.Millisecond)
	fast := b.claimRange(backfill, "fast")
	want := storage.Claim{
		Job: backfill, ID: fast.ID, Range: storage.Range{After: "4", UpTo: "9"}, Page: 1, TakenOver: true,
	}
	if fast != want {
		t.Fatalf("got %+v, want %+v", fast, want)
	}
	page := storage.Page{Number: 2, Cursor: "6", Counts: storage.RangeCounts{Rows: 2}}
	_, err = b.SaveCursor(b.ctx(), b.key, slow, page)
	b.wantCode(err, chferry.CodeSuperseded)
	_, err = b.HalveRange(b.ctx(), b.key, slow, "5")
	b.wantCode(err, chferry.CodeSuperseded)
	_, err = b.ExtendRange(b.ctx(), b.key, slow, 0)
	b.wantCode(err, chferry.CodeSuperseded)
	_, err = b.FinishRange(b.ctx(), b.key, slow, page)
	b.wantCode(err, chferry.CodeSuperseded)

	claim, others, err := b.ClaimRange(b.ctx(), b.key, backfill, storage.Reader{Name: "slow", Attempt: 1}, 0)
	b.ok(err)
	if claim.ID != "" || others != 1 {
		t.Fatalf("the slow reader got %+v, and others have %d; want none and 1", claim, others)
	}
	idle, err := b.SaveCursor(b.ctx(), b.key, fast, page)
	b.ok(err)
	if !idle {
		t.Fatal("the reader was not told that another one is idle")
	}
	fast, err = b.HalveRange(b.ctx(), b.key, fast, "8")
	b.ok(err)
	if idle, err = b.ExtendRange(b.ctx(), b.key, fast, 0); err != nil || idle {
		t.Fatalf("with a free range a reader is idle: %v, %v", idle, err)
	}
	if got := b.claimRange(backfill, "slow"); got.Range != (storage.Range{After: "8", UpTo: "9"}) || got.TakenOver {
		t.Fatalf("the other half is %+v", got)
	}
	_, err = b.HalveRange(b.ctx(), b.key, fast, "8")
	b.wantCode(err, chferry.CodeInvalid)
}

// testDifferences: the first are kept, all are counted, and they stay until the next verify begins.
func testDifferences(t *testing.T, b *bundle) {
	verify := job(storage.Verify, "a")
	b.begin(verify, storage.Range{})
	claim := b.claimRange(verify, "reader")
	page := storage.Page{Counts: storage.RangeCounts{Missing: 4_000}}
	for i := range 4_000 {
		kind := []storage.DifferenceKind{storage.Missing, storage.Stale, storage.Surplus}[i%3]
		page.Differences = append(page.Differences,
			storage.Difference{Kind: kind, Database: "eu", PrimaryKey: chferry.PrimaryKey{fmt.Sprint(i), "\xff"}})
	}
	for page.Number = range int64(4) {
		for range 2 { // 0 is no page, and a page counts once
			_, err := b.SaveCursor(b.ctx(), b.key, claim, page)
			b.ok(err)
		}
	}
	_, err := b.SaveCursor(b.ctx(), b.key, claim,
		storage.Page{Number: 9, Differences: []storage.Difference{{Kind: "odd", PrimaryKey: chferry.PrimaryKey{"1"}}}})
	b.wantCode(err, chferry.CodeInvalid)
	b.ok(b.EndRanges(b.ctx(), b.key, verify, "different"))
	got, err := b.RangesProgress(b.ctx(), b.key, storage.Verify)
	b.ok(err)
	if got.Differences != storage.MaxDifferences || got.Counts.Missing != 12_000 || got.Outcome != "different" ||
		got.Open {
		t.Fatalf("the progress is %+v", got)
	}
	for _, c := range []struct{ from, most, first, n int }{
		{0, 3, 0, 3},
		{7_999, 5_000, 3_999, 2_001},
		{10_000, 1, 0, 0},
		{0, 0, 0, 0},
		{-1, 5, 0, 0},
	} {
		differences, err := b.Differences(b.ctx(), b.key, c.from, c.most)
		b.ok(err)
		same := func(x, y storage.Difference) bool { return fmt.Sprint(x) == fmt.Sprint(y) }
		if len(differences) != c.n || c.n > 0 &&
			!slices.EqualFunc(differences[:1], page.Differences[c.first:c.first+1], same) {
			t.Fatalf("from %d there are %d differences, %.1v first", c.from, len(differences), differences)
		}
	}
	b.begin(job(storage.Verify, "b"))
	if differences, err := b.Differences(b.ctx(), b.key, 0, 1); err != nil || len(differences) > 0 {
		t.Fatalf("the next verify begins with %v, %v", differences, err)
	}
}

// testRequests: what a start asks for is kept until another start of the kind, until a job of the kind has begun, or
// until a flush.
func testRequests(t *testing.T, b *bundle) {
	want := func(kind storage.JobKind, id, want string, code chferry.Code) {
		t.Helper()
		got, err := b.Request(b.ctx(), b.key, kind, id)
		if got != want || err != nil && chferry.CodeOf(err) != code || err == nil && code != "" {
			t.Fatalf("the request is %q, error %v", got, err)
		}
	}
	const text = "\x00 name = 'O''Reilly' \xff"
	want(storage.Backfill, "1", "", chferry.CodeInvalid)
	b.wantCode(b.KeepRequest(b.ctx(), b.key, storage.Backfill, "", text), chferry.CodeInvalid)
	b.wantCode(b.KeepRequest(b.ctx(), b.key, "copy", "1", text), chferry.CodeInvalid)
	b.ok(b.KeepRequest(b.ctx(), b.key, storage.Backfill, "1", text))
	b.ok(b.KeepRequest(b.ctx(), b.key, storage.Verify, "2", ""))
	want(storage.Backfill, "1", text, "")
	want(storage.Verify, "2", "", "")
	want(storage.Verify, "1", "", chferry.CodeInvalid)
	want(storage.Verify, "", "", chferry.CodeInvalid)
	b.ok(b.KeepRequest(b.ctx(), b.key, storage.Backfill, "3", "all"))
	want(storage.Backfill, "1", "", chferry.CodeInvalid)
	want(storage.Backfill, "3", "all", "")
	b.begin(job(storage.Verify, "a"))
	want(storage.Backfill, "3", "all", "")
	b.begin(job(storage.Backfill, "a"))
	want(storage.Backfill, "3", "", chferry.CodeInvalid)
	b.ok(b.KeepRequest(b.ctx(), b.key, storage.Backfill, "3", "all"))
	b.ok(b.Flush(b.ctx(), b.key))
	want(storage.Backfill, "3", "", chferry.CodeInvalid)
}
