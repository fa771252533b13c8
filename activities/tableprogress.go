package activities

import (
	"fmt"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// TableProgress is how far a job is that reads whole tables.
type TableProgress struct {
	Rows       int64   `json:"rows"`                 // that were copied, or compared
	Failed     int64   `json:"failed,omitempty"`     // rows that can't be imported, or compared
	Clamped    int64   `json:"clamped,omitempty"`    // values that were compared as the destination can hold them
	Missing    int64   `json:"missing,omitempty"`    // rows that the source alone has
	Stale      int64   `json:"stale,omitempty"`      // rows with other values
	Surplus    int64   `json:"surplus,omitempty"`    // rows that the destination alone has
	Registered int64   `json:"registered,omitempty"` // operations that were registered to mend these
	Estimated  int64   `json:"estimated,omitempty"`  // about how many rows there are
	Ranges     int64   `json:"ranges"`               // of all tables, as many as there are by now
	Finished   int64   `json:"finished"`             // ranges
	Readers    int64   `json:"readers,omitempty"`    // ranges that are being read
	Seconds    Seconds `json:"seconds,omitempty"`    // since the job began
}

// ProgressOf returns how far a job is that the storage keeps.
func ProgressOf(p storage.Progress) TableProgress {
	out := TableProgress{
		Rows: p.Counts.Rows, Failed: p.Counts.Failed, Clamped: p.Counts.Clamped, Missing: p.Counts.Missing,
		Stale: p.Counts.Stale, Surplus: p.Counts.Surplus, Registered: p.Counts.Registered, Estimated: p.Rows,
		Ranges: p.Pending + p.Claimed + p.Finished, Finished: p.Finished, Readers: p.Claimed,
	}
	if !p.Began.IsZero() && p.Moved.After(p.Began) {
		out.Seconds = seconds(p.Moved.Sub(p.Began).Round(time.Millisecond))
	}
	return out
}

// Words says how far the job is: "1,200,000 of about 5,000,000 rows (24 %), 3 of 16 ranges".
func (p TableProgress) Words() string {
	text := chferry.Amount(p.Rows, "row", "rows")
	if p.Estimated > p.Rows && p.Finished < p.Ranges {
		text = fmt.Sprintf("%s of about %s (%d %%)", chferry.Thousands(p.Rows),
			chferry.Amount(p.Estimated, "row", "rows"), 100*p.Rows/p.Estimated)
	}
	text += fmt.Sprintf(", %s of %s", chferry.Thousands(p.Finished), chferry.Amount(p.Ranges, "range", "ranges"))
	for _, found := range []struct {
		n    int64
		word string
	}{{p.Missing, "missing"}, {p.Stale, "stale"}, {p.Surplus, "surplus"}} {
		if found.n > 0 {
			text += ", " + chferry.Thousands(found.n) + " " + found.word
		}
	}
	if p.Failed > 0 {
		text += ", " + chferry.Amount(p.Failed, "row", "rows") + " failed"
	}
	return text
}

// RowsPerSecond is how fast the rows have come since the job began; 0 if nobody knows.
func (p TableProgress) RowsPerSecond() float64 {
	if p.Seconds <= 0 {
		return 0
	}
	return float64(p.Rows) / float64(p.Seconds)
}

// Rest is about how long the job still takes at that pace; 0 if nobody knows.
func (p TableProgress) Rest() time.Duration {
	rate := p.RowsPerSecond()
	if rate <= 0 || p.Estimated <= p.Rows {
		return 0
	}
	return time.Duration(float64(p.Estimated-p.Rows) / rate * float64(time.Second)).Round(time.Second)
}
