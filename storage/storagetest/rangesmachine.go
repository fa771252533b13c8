package storagetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// rangesMachine does to the jobs of an import key whatever workflows, readers and operators may do,
// in random order, and expects the answers of the model.
type rangesMachine struct {
	*machine // for its late copies; it has no models
	key      chferry.ImportKey
	jobs     []*jobModel
	job      *jobModel // the one that was touched
	begun    int       // jobs; each has a token of its own
}

// testRangesAnyOrder draws 100 paths of about 30 actions. For more: go test ./storage/redis -run
// Contract/ranges_in -rapid.checks=5000
func testRangesAnyOrder(t *testing.T, b *bundle) {
	rapid.Check(t, func(t *rapid.T) {
		expect(t, "flush", 0, b.Flush(t.Context(), b.key), 0, "")
		m := &rangesMachine{
			machine: &machine{Storage: b.Storage}, key: b.key,
			jobs: []*jobModel{{kind: storage.Backfill}, {kind: storage.Verify}},
		}
		m.job = m.jobs[0]
		t.Repeat(map[string]func(*rapid.T){
			"": m.check, "01 claim": m.claim, "02 save": m.save, "03 begin": m.begin, "04 halve": m.halve,
			"05 finish": m.finish, "06 extend": m.extend, "07 end": m.end, "08 drop": m.drop, "09 flush": m.flushRanges,
			"10 late copy": m.lateCopy,
		})
		m.drainRanges(t)
	})
}

func (m *rangesMachine) check(t *rapid.T) {
	for _, job := range m.jobs {
		got, err := m.RangesProgress(t.Context(), m.key, job.kind)
		expect(t, "progress", 0, err, 0, "")
		expect(t, "whether a job has begun", !got.Began.IsZero() && !got.Moved.IsZero(), nil, job.token != "", "")
		expect(t, "whether a job has ended", !got.Ended.IsZero(), nil, job.token != "" && !job.open, "")
		got.Began, got.Moved, got.Ended = time.Time{}, time.Time{}, time.Time{}
		expect(t, "progress", got, nil, job.progress(), "")
	}
	differences, err := m.Differences(t.Context(), m.key, 0, storage.MaxDifferences)
	got, want := fmt.Sprint(differences), fmt.Sprint(m.jobs[1].differences)
	expect(t, "differences", got, err, want, "")
}

// drawJob draws a kind of job, mostly one that is open.
func (m *rangesMachine) drawJob(t *rapid.T) *jobModel {
	jobs := slices.DeleteFunc(slices.Clone(m.jobs), func(job *jobModel) bool { return !job.open })
	if len(jobs) == 0 || rapid.IntRange(0, 9).Draw(t, "unready") == 9 {
		jobs = m.jobs
	}
	m.job = jobs[rapid.IntRange(0, len(jobs)-1).Draw(t, "job")]
	return m.job
}

// drawJobToken gives mostly that of the last job.
func (m *rangesMachine) drawJobToken(t *rapid.T, job *jobModel) string {
	if rapid.IntRange(0, 9).Draw(t, "other token") == 9 {
		return "other"
	}
	return cmp.Or(job.token, "none")
}

// drawClaim gives mostly one that has its range.
func (m *rangesMachine) drawClaim(t *rapid.T) (*jobModel, storage.Claim) {
	job := m.drawJob(t)
	if len(job.seen) == 0 {
		t.Skip()
	}
	claims := slices.DeleteFunc(slices.Clone(job.seen), func(c storage.Claim) bool { return job.owned(c) == nil })
	if len(claims) == 0 || rapid.IntRange(0, 4).Draw(t, "lost") == 4 {
		claims = job.seen
	}
	return job, claims[len(claims)-1-rapid.IntRange(0, len(claims)-1).Draw(t, "claim")]
}

func (m *rangesMachine) begin(t *rapid.T) {
	job := m.jobs[rapid.IntRange(0, 1).Draw(t, "kind")]
	m.job = job
	closed := rapid.Bool().Draw(t, "closed")
	token := job.token
	if token == "" || rapid.IntRange(0, 2).Draw(t, "again") < 2 {
		m.begun++
		token = fmt.Sprint("job ", m.begun)
	}
	opts := storage.BeginOptions{
		Options: "options of " + token, Rows: tableRows,
		Ranges: []storage.Range{{After: "0", UpTo: "20"}, {After: "20", UpTo: place(tableRows)}},
		Closed: func(_ context.Context, holder string) bool {
			expect(t, "whether a job has ended is asked about", holder, nil, job.token, "")
			return closed
		},
	}
	got, err := m.BeginRanges(t.Context(), m.key, storage.Job{Kind: job.kind, Token: token}, opts)
	code := job.begin(token, closed, opts.Ranges)
	got.Began, got.Moved, got.Ended = time.Time{}, time.Time{}, time.Time{}
	expect(t, "begin", got, err, job.progress(), code)
}

func (m *rangesMachine) claim(t *rapid.T) {
	job := m.drawJob(t)
	reader := storage.Reader{Name: rapid.SampledFrom(actors).Draw(t, "reader")}
	reader.Attempt = max(1, job.attempts[reader.Name]+int64(rapid.IntRange(-1, 1).Draw(t, "attempt")))
	m.claims(t, job, m.drawJobToken(t, job), reader)
}

func (m *rangesMachine) claims(t *rapid.T, job *jobModel, token string, reader storage.Reader) storage.Claim {
	lease, expired, wait := drawLease(t)
	// Two claims whose leases have ended may be given in any order.
	if expired && slices.ContainsFunc(job.ranges, func(r *rangeModel) bool { return r.claim != "" && r.expired }) {
		lease, expired, wait = time.Hour, false, func() {}
	}
	got, others, err := m.ClaimRange(t.Context(), m.key, storage.Job{Kind: job.kind, Token: token}, reader, lease)
	number, again, takenOver, code := job.claim(token, reader)
	if code != "" || number < 0 {
		want := int64(0)
		if code == "" {
			want = job.claimed()
		}
		expect(t, "claim", got, err, storage.Claim{}, code)
		expect(t, "ranges of others", others, err, want, code)
		return got
	}
	wait()
	r := job.ranges[number]
	want := storage.Claim{
		Job: storage.Job{Kind: job.kind, Token: token}, Number: int64(number), ID: r.claim,
		Range: storage.Range{After: place(r.after), UpTo: place(r.upTo)}, Page: r.page, TakenOver: takenOver,
	}
	if !again {
		want.ID = got.ID
		if got.ID == "" || slices.ContainsFunc(job.seen, func(c storage.Claim) bool { return c.ID == got.ID }) {
			t.Fatalf("the claim's ID is %q, which there was", got.ID)
		}
		r.claim, r.reader = got.ID, reader.Name
	}
	expect(t, "claim", got, err, want, "")
	r.expired = expired
	job.seen = append(job.seen, got)
	return got
}

// drawPage draws a page that reads a claimed range up to a key.
func drawPage(t *rapid.T, job *jobModel, claim storage.Claim, most int) (page storage.Page, upTo int) {
	r := &rangeModel{upTo: 1}
	if owned := job.owned(claim); owned != nil {
		r = owned
	}
	upTo = min(r.upTo, r.after+rapid.IntRange(0, most).Draw(t, "rows"))
	page = storage.Page{
		Number: r.page + int64(rapid.IntRange(0, 2).Draw(t, "page")), Cursor: place(upTo), Lease: time.Hour,
		Counts: storage.RangeCounts{Rows: int64(upTo - r.after)},
	}
	if job.kind == storage.Verify && rapid.Bool().Draw(t, "differs") {
		page.Counts.Stale = 1
		page.Differences = []storage.Difference{{
			Kind: storage.Stale, Database: "eu", PrimaryKey: chferry.PrimaryKey{place(upTo), "\x00"},
		}}
	}
	return page, upTo
}
