package nudge

import "time"

// state is what is known of one import key.
type state struct {
	interval time.Duration // least time between two nudges
	settle   time.Duration // a younger operation is not synced yet

	wanted     bool      // operations were registered that no nudge was sent for
	registered time.Time // the youngest of them
	due        time.Time // the earliest time of a wanted nudge
	sent       time.Time
	flying     bool // a nudge is under way
	trouble    trouble
}

// want notes that operations were registered, and tells whether that makes the key one that wants a nudge.
func (s *state) want(now time.Time) bool {
	s.registered = now
	if s.wanted {
		return false
	}
	s.wanted, s.due = true, later(s.sent.Add(s.interval), now.Add(s.settle))
	return true
}

// take notes that a nudge is sent now. Operations that have not settled by then need another one.
func (s *state) take(now time.Time) {
	settled := s.registered.Add(s.settle)
	s.sent, s.wanted, s.due = now, settled.After(now), later(now.Add(s.interval), settled)
}

// again notes that the nudge was not sent. Only trouble says when it is tried again.
func (s *state) again() { s.wanted, s.due = true, time.Time{} }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// The pause behind a failure doubles from the first to the longest.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// trouble is a series of failures; its zero value is none.
type trouble struct {
	failures int
	until    time.Time // nothing is tried before
}

// failed tells whether this failure is the first of the series. Those of calls that were under way
// at once count as one.
func (t *trouble) failed(now time.Time) bool {
	if t.wait(now) > 0 {
		return false
	}
	pause := longestPause
	if t.failures < 5 {
		pause = firstPause << t.failures
	}
	t.failures++
	t.until = now.Add(pause)
	return t.failures == 1
}

func (t *trouble) wait(now time.Time) time.Duration { return t.until.Sub(now) }
