package storagetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

func (m *rangesMachine) save(t *rapid.T) {
	job, claim := m.drawClaim(t)
	page, upTo := drawPage(t, job, claim, 9)
	got, err := m.SaveCursor(t.Context(), m.key, claim, page)
	r := job.owned(claim)
	if r == nil {
		expect(t, "save", got, err, false, chferry.CodeSuperseded)
		return
	}
	expect(t, "save", got, err, job.isIdle(), "")
	if page.Number > r.page {
		r.expired = false
	}
	job.count(r, page, upTo)
}

func (m *rangesMachine) extend(t *rapid.T) {
	job, claim := m.drawClaim(t)
	got, err := m.ExtendRange(t.Context(), m.key, claim, time.Hour)
	if r := job.owned(claim); r != nil {
		r.expired = false
		expect(t, "extend", got, err, job.isIdle(), "")
		return
	}
	expect(t, "extend", got, err, false, chferry.CodeSuperseded)
}

func (m *rangesMachine) halve(t *rapid.T) {
	job, claim := m.drawClaim(t)
	at := 1
	if r := job.owned(claim); r != nil {
		at = r.after + 1 + rapid.IntRange(0, tableRows).Draw(t, "at")%max(1, r.upTo-r.after)
		at = min(at, r.upTo)
	}
	if place(at) == claim.UpTo {
		t.Skip() // refused as invalid
	}
	got, err := m.HalveRange(t.Context(), m.key, claim, place(at))
	code := job.halve(claim, at)
	if code == "" {
		claim.UpTo = place(at)
		job.seen = append(job.seen, claim)
	}
	expect(t, "halve", got, err, claim, code)
}

func (m *rangesMachine) finish(t *rapid.T) {
	job, claim := m.drawClaim(t)
	m.finishes(t, job, claim)
}

func (m *rangesMachine) finishes(t *rapid.T, job *jobModel, claim storage.Claim) {
	page, _ := drawPage(t, job, claim, 0)
	if r := job.owned(claim); r != nil {
		page.Number, page.Counts.Rows = r.page+1, int64(r.upTo-r.after)
	}
	got, err := m.FinishRange(t.Context(), m.key, claim, page)
	want, code := job.finish(claim, page)
	expect(t, "finish", got, err, want, code)
}

func (m *rangesMachine) end(t *rapid.T) {
	job := m.drawJob(t)
	token := m.drawJobToken(t, job)
	if rapid.IntRange(0, 3).Draw(t, "operator") == 3 {
		token = ""
	}
	err := m.EndRanges(t.Context(), m.key, storage.Job{Kind: job.kind, Token: token}, "ended by "+token)
	code := chferry.CodeSuperseded
	if job.token != "" && (token == "" || token == job.token) {
		code = ""
		job.end("ended by " + token)
	}
	expect(t, "end", 0, err, 0, code)
}

func (m *rangesMachine) drop(t *rapid.T) {
	job := m.drawJob(t)
	expect(t, "drop", 0, m.DropRanges(t.Context(), m.key, job.kind), 0, "")
	job.forget()
}

func (m *rangesMachine) flushRanges(t *rapid.T) {
	expect(t, "flush", 0, m.Flush(t.Context(), m.key), 0, "")
	for _, job := range m.jobs {
		job.forget()
	}
}

// drainRanges ends every path: readers come back and read what is left. Then each row was read in
// one page that counted.
func (m *rangesMachine) drainRanges(t *rapid.T) {
	for _, job := range m.jobs {
		if !job.open {
			continue
		}
		for _, name := range actors {
			for {
				claim := m.claims(t, job, job.token, storage.Reader{Name: name, Attempt: job.attempts[name] + 1})
				if claim.ID == "" {
					break
				}
				m.finishes(t, job, claim)
			}
		}
		m.check(t)
		expect(t, "unfinished ranges", int64(len(job.ranges))-job.finished(), nil, 0, "")
		expect(t, "rows", job.counts.Rows, nil, tableRows, "")
		for key, n := range job.read[1:] {
			if n != 1 {
				t.Fatalf("row %d was read %d times, want once", key+1, n)
			}
		}
	}
}
