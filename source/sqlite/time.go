package sqlite

import (
	"strings"
	"time"
)

// moment is a point in time as a text says it.
type moment struct {
	clock  time.Time     // what is written, as if in UTC
	offset time.Duration // of the zone that is written, east of UTC; 0 if none is
}

func (m moment) utc() time.Time { return m.clock.Add(-m.offset) }

// parseMoment reads the notations in which SQLite's own functions, RFC 3339 and the drivers of
// common languages write dates and times: 2024-02-29, then perhaps a T or space and 12:34, 12:34:56
// or 12:34:56.789, then perhaps a zone. It is written by hand because time.Parse would have to try
// a dozen layouts for every value.
func parseMoment(text string) (moment, bool) {
	s := scanner{rest: text}
	year, month, day := s.number(4), s.after('-', 2), s.after('-', 2)
	var hour, minute, second, nanos int
	var offset time.Duration
	if s.rest != "" {
		if !s.skip('T') {
			s.must(' ')
		}
		hour, minute = s.number(2), s.after(':', 2)
		if s.skip(':') {
			second = s.number(2)
			nanos = s.fraction()
		}
		offset = s.zone()
	}
	clock := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	// A date such as 2024-02-30 or 24:00 comes out as another one.
	same := clock.Day() == day && clock.Month() == time.Month(month) && clock.Hour() == hour &&
		clock.Minute() == minute && clock.Second() == second
	return moment{clock, offset}, same && !s.failed && s.rest == ""
}

// scanner reads a text from its beginning. Once it fails it reads no further.
type scanner struct {
	rest   string
	failed bool
}

func (s *scanner) skip(c byte) bool {
	if s.failed || s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) must(c byte) {
	if !s.skip(c) {
		s.failed = true
	}
}

// number reads a number of exactly so many digits.
func (s *scanner) number(digits int) int {
	n := 0
	if len(s.rest) < digits {
		s.failed = true
	}
	for i := 0; i < digits && !s.failed; i++ {
		c := s.rest[i]
		if c < '0' || c > '9' {
			s.failed = true
		}
		n = n*10 + int(c-'0')
	}
	if s.failed {
		return 0
	}
	s.rest = s.rest[digits:]
	return n
}

func (s *scanner) after(separator byte, digits int) int {
	s.must(separator)
	return s.number(digits)
}

// fraction reads the digits behind a point as nanoseconds, if there is one; those behind the ninth are dropped.
func (s *scanner) fraction() int {
	if !s.skip('.') {
		return 0
	}
	nanos, digits := 0, 0
	for ; s.rest != "" && s.rest[0] >= '0' && s.rest[0] <= '9'; digits++ {
		if digits < 9 {
			nanos = nanos*10 + int(s.rest[0]-'0')
		}
		s.rest = s.rest[1:]
	}
	if digits == 0 {
		s.failed = true
	}
	for ; digits < 9; digits++ {
		nanos *= 10
	}
	return nanos
}

// zone reads Z, +01, +0130 or +01:30, perhaps behind a space, and what Go's time.Time.String writes behind that: the
// zone's name and the reading of a monotonic clock.
func (s *scanner) zone() time.Duration {
	if s.rest == "" || s.skip('Z') {
		return 0
	}
	s.skip(' ')
	east := s.skip('+')
	if !east {
		s.must('-')
	}
	offset := time.Duration(s.number(2)) * time.Hour
	if s.skip(':') || s.rest != "" && s.rest[0] != ' ' {
		offset += time.Duration(s.number(2)) * time.Minute
	}
	if s.skip(' ') {
		s.rest = strings.TrimLeft(s.rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-")
		if before, after, ok := strings.Cut(s.rest, " m="); ok && before == "" {
			s.rest = strings.TrimLeft(after, "0123456789.+-")
		}
	}
	if east {
		return offset
	}
	return -offset
}
