package config

import (
	"time"

	"github.com/chferry/chferry"
)

// maxMaxBatches is the greatest max_batches. A run continues as new before its history grows too
// long, so it is only a bound on nonsense.
const maxMaxBatches = 1_000_000

// readLimits reads what bounds one sync. What the file does not say stays 0: its default.
func readLimits(s *section, l *chferry.Limits) {
	batches := int64(0)
	s.number("max_batches", 1, maxMaxBatches, &batches)
	l.MaxBatches = int(batches)
	failed := int64(0)
	s.number("max_failed", 1, MaxBatchSize, &failed)
	l.MaxFailed = int(failed)
	s.durationOrNone("max_duration", time.Second, 24*time.Hour, &l.MaxDuration)
	s.durationWithin("retry_for", time.Second, chferry.MaxRetryFor, &l.RetryFor)
	s.durationWithin("lease", 5*time.Second, time.Hour, &l.Lease)
	s.durationWithin("heartbeat_timeout", 2*time.Second, 10*time.Minute, &l.HeartbeatTimeout)
	s.durationWithin("insert_timeout", 10*time.Second, 24*time.Hour, &l.InsertTimeout)
	if limits := l.WithDefaults(); limits.Lease <= limits.HeartbeatTimeout {
		s.fail("lease", "is %s, and must be longer than heartbeat_timeout, %s: else a claim may end before anybody "+
			"sees that its worker died",
			chferry.DurationText(limits.Lease), chferry.DurationText(limits.HeartbeatTimeout))
	}
}

// durationWithin reads a duration from least to most.
func (s *section) durationWithin(key string, least, most time.Duration, into *time.Duration) {
	if s.duration(key, into) && (*into < least || *into > most) {
		s.fail(key, "must be from %s to %s", chferry.DurationText(least), chferry.DurationText(most))
		*into = 0
	}
}

// durationOrNone does the same, and takes 0 for none.
func (s *section) durationOrNone(key string, least, most time.Duration, into *time.Duration) {
	if s.duration(key, into) && *into != 0 && (*into < least || *into > most) {
		s.fail(key, "must be 0 for none, or from %s to %s", chferry.DurationText(least), chferry.DurationText(most))
		*into = 0
	}
}
