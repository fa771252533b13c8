package chferry

import "time"

// Limits bound one sync of an import key. A field that is 0 has its default.
type Limits struct {
	MaxBatches  int           // batches a sync; 0: [DefaultMaxBatches]
	MaxDuration time.Duration // after which a sync begins no other batch; 0: none

	// MaxFailed is how many operations of a batch may be set aside; with more the sync fails and
	// keeps its batch. 0: [DefaultMaxFailed]
	MaxFailed int

	// RetryFor is for how long failures of a step that may pass are retried, from the first of
	// them; 0: [DefaultRetryFor].
	RetryFor time.Duration
	// Lease is how long a sync that Temporal does not know to have ended keeps its claim without a
	// sign of life; 0: [DefaultLease].
	Lease time.Duration
	// HeartbeatTimeout is how long a running step may be silent before another worker takes it
	// over; 0: [DefaultHeartbeatTimeout].
	HeartbeatTimeout time.Duration
	// InsertTimeout is how long one attempt to import a batch may take; 0: [DefaultInsertTimeout].
	InsertTimeout time.Duration
}

// What a limit is when nobody says.
const (
	// With DefaultMaxBatches a queue that grows faster than it drains still gives runs that end and
	// can be read.
	DefaultMaxBatches       = 100
	DefaultMaxFailed        = 100 // where more fail, the table is at fault rather than its rows
	DefaultRetryFor         = 10 * time.Minute
	DefaultLease            = time.Minute
	DefaultHeartbeatTimeout = 10 * time.Second
	DefaultInsertTimeout    = time.Hour
)

// MaxRetryFor is the greatest RetryFor. Each retry of a sync's first step is in its history, which
// must not grow without end.
const MaxRetryFor = 6 * time.Hour

// WithDefaults returns the limits with the defaults in the place of zeros.
func (l Limits) WithDefaults() Limits {
	if l.MaxBatches == 0 {
		l.MaxBatches = DefaultMaxBatches
	}
	if l.MaxFailed == 0 {
		l.MaxFailed = DefaultMaxFailed
	}
	for _, d := range []struct {
		limit     *time.Duration
		otherwise time.Duration
	}{
		{&l.RetryFor, DefaultRetryFor},
		{&l.Lease, DefaultLease},
		{&l.HeartbeatTimeout, DefaultHeartbeatTimeout},
		{&l.InsertTimeout, DefaultInsertTimeout},
	} {
		if *d.limit == 0 {
			*d.limit = d.otherwise
		}
	}
	return l
}
