package clickhouse

import (
	"math"
	"time"

	"github.com/chferry/chferry/rowset"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 24 * 60 * 60
)

// span is the first and the last value that a column holds.
type span struct{ first, last int64 }

// clamp returns the value of the span that is nearest to n.
func (s span) clamp(n int64) int64 { return min(max(n, s.first), s.last) }

func (s span) holds(n int64) bool { return n >= s.first && n <= s.last }

// days returns which days since 1970 a date column holds. Before 21.9 a Date after 2106-02-07 comes out as 1970.
func (c column) days(f *features) span {
	if c.base == "Date" {
		return span{0, day(2106, time.February, 7)}
	}
	if f.hasWideDates() {
		return span{day(1900, time.January, 1), day(2299, time.December, 31)}
	}
	return span{day(1925, time.January, 1), day(2283, time.November, 11)}
}

// micros returns which points in time, in microseconds since 1970, a timestamp column holds. 18.16 shows a DateTime
// after 2105-12-31 as 1970, and a DateTime64(9) counts nanoseconds in 64 bits.
func (c column) micros(f *features) span {
	if c.base == "DateTime" {
		return span{0, (day(2105, time.December, 31)+1)*secondsPerDay*microsPerSecond - microsPerSecond}
	}
	days := span{day(1900, time.January, 1), day(2299, time.December, 31)}
	if !f.hasWideDates() {
		days = span{day(1925, time.January, 1), day(2283, time.November, 11)}
	}
	ticks := c.ticksPerMicro()
	return span{
		days.first * secondsPerDay * microsPerSecond,
		min((days.last+1)*secondsPerDay*microsPerSecond-1, math.MaxInt64/ticks),
	}
}

// ticksPerMicro returns what one microsecond is in the column's own unit; 1 if that is longer.
func (c column) ticksPerMicro() int64 {
	if c.base == "DateTime" {
		return 1
	}
	return powerOfTen(c.args[0] - 6)
}

// microsPerTick returns how many microseconds the column's own unit has; 1 if it is shorter.
func (c column) microsPerTick() int64 {
	if c.base == "DateTime" {
		return microsPerSecond
	}
	return powerOfTen(6 - c.args[0])
}

// units returns how many of the column's units a canonical integer has, or how many make one unit; 1
// for both where the two are the same.
func (c column) units() (perMicro, perTick int64) {
	if c.kind() != rowset.Timestamp {
		return 1, 1
	}
	return c.ticksPerMicro(), c.microsPerTick()
}

// powerOfTen returns 1 for what is below zero.
func powerOfTen(n int) int64 {
	power := int64(1)
	for range n {
		power *= 10
	}
	return power
}

func day(year int, month time.Month, d int) int64 {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay
}
