package storagetest

import (
	"slices"
	"strconv"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// tableRows is how many rows the table of a job has. Their keys are the numbers from 1 on, a place is a key.
const tableRows = 60

// jobModel is what the contract says of the jobs of one kind. Its methods do what the storage's do,
// and return the code of the error that the storage must give.
type jobModel struct {
	kind        storage.JobKind
	token       string // "": there is no job
	open        bool
	outcome     string
	ranges      []*rangeModel
	free        []int // numbers of the ranges that nobody has, in the order in which they are given
	attempts    map[string]int64
	idle        string
	counts      storage.RangeCounts
	differences []storage.Difference
	read        [tableRows + 1]int // how often each key was read in pages that counted

	seen []storage.Claim // all claims there were
}

type rangeModel struct {
	after, upTo int
	claim       string // "": nobody has it
	reader      string
	expired     bool
	page        int64
	finished    string // the claim that finished it
}

func place(n int) string { return strconv.Itoa(n) }

func (m *jobModel) begin(token string, closed bool, ranges []storage.Range) chferry.Code {
	if m.token == token {
		return ""
	}
	if m.open && !closed {
		return chferry.CodeClaimed
	}
	*m = jobModel{kind: m.kind, token: token, open: true, attempts: map[string]int64{}, seen: m.seen}
	for i, r := range ranges {
		after, _ := strconv.Atoi(r.After)
		upTo, _ := strconv.Atoi(r.UpTo)
		m.ranges, m.free = append(m.ranges, &rangeModel{after: after, upTo: upTo}), append(m.free, i)
	}
	return ""
}

func (m *jobModel) finished() (n int64) {
	for _, r := range m.ranges {
		if r.finished != "" {
			n++
		}
	}
	return n
}

func (m *jobModel) claimed() (n int64) {
	for _, r := range m.ranges {
		if r.claim != "" {
			n++
		}
	}
	return n
}

// claim returns the number of the range that the reader gets, -1 if none.
func (m *jobModel) claim(token string, reader storage.Reader) (number int, again, takenOver bool, code chferry.Code) {
	switch {
	case m.token != token:
		return -1, false, false, chferry.CodeSuperseded
	case m.finished() == int64(len(m.ranges)):
		return -1, false, false, ""
	case !m.open || m.attempts[reader.Name] > reader.Attempt:
		return -1, false, false, chferry.CodeSuperseded
	}
	before := m.attempts[reader.Name]
	m.attempts[reader.Name] = reader.Attempt
	number = slices.IndexFunc(m.ranges, func(r *rangeModel) bool { return r.claim != "" && r.reader == reader.Name })
	again = number >= 0 && before == reader.Attempt
	takenOver = number >= 0 && !again
	if number < 0 && len(m.free) > 0 {
		number, m.free = m.free[0], m.free[1:]
	}
	if number < 0 {
		number = slices.IndexFunc(m.ranges, func(r *rangeModel) bool { return r.claim != "" && r.expired })
		takenOver = number >= 0
	}
	switch {
	case number < 0:
		m.idle = reader.Name
	case m.idle == reader.Name:
		m.idle = ""
	}
	return number, again, takenOver, ""
}

// owned returns the range of a claim, nil if the claim has no range any more.
func (m *jobModel) owned(claim storage.Claim) *rangeModel {
	if !m.open || m.token != claim.Job.Token || claim.Number >= int64(len(m.ranges)) ||
		m.ranges[claim.Number].claim != claim.ID {
		return nil
	}
	return m.ranges[claim.Number]
}

func (m *jobModel) isIdle() bool { return m.idle != "" && len(m.free) == 0 }

// count adds a page that reads a range up to a key, unless it was saved before.
func (m *jobModel) count(r *rangeModel, page storage.Page, upTo int) {
	if page.Number <= r.page {
		return
	}
	for key := r.after + 1; key <= upTo; key++ {
		m.read[key]++
	}
	r.page, r.after = page.Number, upTo
	m.counts.Rows += page.Counts.Rows
	m.counts.Stale += page.Counts.Stale
	m.differences = append(m.differences, page.Differences...)
}

func (m *jobModel) halve(claim storage.Claim, at int) chferry.Code {
	r := m.owned(claim)
	if r == nil || place(r.upTo) != claim.UpTo && r.upTo != at {
		return chferry.CodeSuperseded
	}
	if r.upTo != at {
		m.free = append(m.free, len(m.ranges))
		m.ranges = append(m.ranges, &rangeModel{after: at, upTo: r.upTo})
		r.upTo = at
	}
	return ""
}

// finish returns how many ranges are not finished.
func (m *jobModel) finish(claim storage.Claim, page storage.Page) (int64, chferry.Code) {
	if r := m.owned(claim); r != nil {
		m.count(r, page, r.upTo)
		r.claim, r.finished = "", claim.ID
	} else if !m.open || m.token != claim.Job.Token || m.ranges[claim.Number].finished != claim.ID {
		return 0, chferry.CodeSuperseded
	}
	return int64(len(m.ranges)) - m.finished(), ""
}

func (m *jobModel) end(outcome string) {
	if m.open {
		m.open, m.outcome, m.idle = false, outcome, ""
		for _, r := range m.ranges {
			r.claim = ""
		}
	}
}

func (m *jobModel) forget() { *m = jobModel{kind: m.kind, seen: m.seen} }

// progress is what the storage must say, without the times.
func (m *jobModel) progress() storage.Progress {
	p := storage.Progress{
		Token: m.token, Open: m.open, Outcome: m.outcome, Counts: m.counts, Claimed: m.claimed(),
		Finished: m.finished(), Differences: int64(len(m.differences)),
	}
	if m.token != "" {
		p.Options, p.Rows = "options of "+m.token, tableRows
	}
	p.Pending = int64(len(m.ranges)) - p.Claimed - p.Finished
	return p
}
