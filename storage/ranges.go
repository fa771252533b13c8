package storage

import (
	"context"
	"time"

	"github.com/chferry/chferry"
)

// JobKind is what the ranges of a table are read for. An import key has at most one job of each kind at a time.
type JobKind string

// The kinds of jobs.
const (
	Backfill JobKind = "backfill"
	Verify   JobKind = "verify"
)

// Job is one backfill, or one verify.
type Job struct {
	Kind JobKind
	// Token is unique to the job: one chain of runs of a workflow, with all its retries and continuations.
	Token string
}

// Range is a part of a table. Its borders are texts of the source, which alone can compare them.
// They hold primary keys, so they belong neither in errors nor in logs nor in histories.
type Range struct {
	Database string // alias
	// Pass tells apart the ranges of a job that reads tables in several ways. The storage only keeps it.
	Pass string
	// After is where reading begins: the row behind it is the first. Empty: the beginning of the table.
	After string
	// UpTo is where the range ends: the last row that belongs to it. Empty: the end of the table.
	UpTo string
}

// Requests keeps what the start of a job asks for and must not be in a workflow's history, such as a
// condition in SQL, until a job of the kind has begun, which takes it into its options.
type Requests interface {
	// KeepRequest keeps a text for the job of a kind that is about to be started, in place of the
	// one that was kept before. id is unique to the start. Errors: CodeInvalid for an empty id.
	KeepRequest(ctx context.Context, key chferry.ImportKey, kind JobKind, id, text string) error

	// Request returns the text that was kept for a start. Errors: CodeInvalid if there is none: a later start
	// has put its own in that place, a job of the kind has begun, or the import key was flushed.
	Request(ctx context.Context, key chferry.ImportKey, kind JobKind, id string) (text string, err error)
}

// Ranges keeps the jobs of an import key. All calls but EndRanges and DropRanges return CodeInvalid
// for a kind that there is not, and for an empty token.
type Ranges interface {
	// BeginRanges opens a job, in place of the last one of its kind, whose numbers and differences
	// are dropped. However many ranges there are, no reader gets one before all of them are kept.
	// Asked again for the same job, whether it is open or has ended, BeginRanges changes nothing
	// and returns its progress; ranges of a call that was interrupted are replaced. Errors:
	// CodeClaimed if another job of the kind was begun and has not ended; CodeSuperseded if the job
	// was begun, dropped or flushed by another call meanwhile.
	BeginRanges(ctx context.Context, key chferry.ImportKey, job Job, opts BeginOptions) (Progress, error)

	// RangesProgress returns how far the last job of a kind is, in one round trip; the zero value if there was none.
	RangesProgress(ctx context.Context, key chferry.ImportKey, kind JobKind) (Progress, error)

	// EndRanges ends a job: its readers are superseded, and its ranges, which hold primary keys,
	// are dropped. Its numbers, options and differences stay until the next job of the kind begins.
	// An empty token means the job that is open now, whoever's it is. Asked again it changes
	// nothing, the outcome neither. Errors: CodeSuperseded if the last job of the kind is another
	// one.
	EndRanges(ctx context.Context, key chferry.ImportKey, job Job, outcome string) error

	// DropRanges forgets the last job of a kind, whether it has ended or not, with its numbers and differences.
	DropRanges(ctx context.Context, key chferry.ImportKey, kind JobKind) error

	// Differences returns at most most of the differences that the last verify found, in the order
	// in which they were found, from number from on, counted from 0. At most [MaxDifferences] are
	// kept.
	Differences(ctx context.Context, key chferry.ImportKey, from, most int) ([]Difference, error)
}

// RangeReader is what those need who read the ranges of a job. Each reads one range at a time. A
// reader that was silent for longer than its lease may lose its range to another one, and then can
// change nothing of it.
//
// Errors of all calls: CodeSuperseded when the claim is no longer the reader's, or the job has ended.
type RangeReader interface {
	// ClaimRange gives a reader the range that it has already, or else one that nobody has, or
	// whose reader was silent for longer than its lease: then it goes on behind the last cursor
	// that was saved. A Claim without ID means that there is none now. others is the number of
	// ranges that other readers have; 0 then means that all ranges are finished. A reader that got
	// none is idle for the next ten seconds: it should ask again, as a range may be halved for it,
	// or be lost by its reader.
	ClaimRange(
		ctx context.Context, key chferry.ImportKey, job Job, reader Reader, lease time.Duration,
	) (claim Claim, others int64, err error)

	// SaveCursor keeps how far a range is read, adds what became of the page to the job's numbers,
	// and extends the lease. A page whose number is not greater than the last one that was saved
	// changes nothing. idle tells that a reader is idle and no range is free: the caller should
	// halve its own.
	SaveCursor(ctx context.Context, key chferry.ImportKey, claim Claim, page Page) (idle bool, err error)

	// ExtendRange keeps the claim for another lease from now, for pages that take long.
	ExtendRange(ctx context.Context, key chferry.ImportKey, claim Claim, lease time.Duration) (idle bool, err error)

	// HalveRange ends the claimed range at at, which must lie behind all that was read of it, and
	// makes a new range, which nobody has, from there to its old end. It returns the claim of what
	// is left. Asked again with the same claim it changes nothing.
	HalveRange(ctx context.Context, key chferry.ImportKey, claim Claim, at string) (Claim, error)

	// FinishRange ends a range that was read to its end. page is its last page, whose cursor is not
	// used; it counts once, as one of SaveCursor does. The zero value adds nothing. FinishRange
	// returns how many ranges are not finished. Asked again with the same claim it changes nothing.
	FinishRange(ctx context.Context, key chferry.ImportKey, claim Claim, page Page) (remaining int64, err error)
}

// BeginOptions are what BeginRanges is told.
type BeginOptions struct {
	// Options is what the job needs to go on after any death, as a text that the storage only keeps.
	Options string
	// Rows is about how many rows all ranges have.
	Rows   int64
	Ranges []Range
	// Closed, if set, tells whether the job with a token is known to have ended without having said so.
	Closed func(ctx context.Context, token string) bool
}

// Progress is how far a job is. Times are those of the storage.
type Progress struct {
	Token   string
	Options string // [BeginOptions.Options]
	Rows    int64  // [BeginOptions.Rows]
	Counts  RangeCounts

	Pending  int64 // ranges that nobody has
	Claimed  int64 // ranges that readers have, dead ones among them
	Finished int64 // ranges

	// Open tells that the job has begun, with all of its ranges kept, and has not ended, whether its ranges are
	// finished or not.
	Open    bool
	Outcome string    // what EndRanges was told
	Began   time.Time // zero: there was no job
	Moved   time.Time // when a range was claimed, halved, saved or finished last
	Ended   time.Time // zero: it has not

	// Differences is how many differences are kept; Counts has all.
	Differences int64
}

// RangeCounts counts what became of rows.
type RangeCounts struct {
	Rows    int64 `json:"rows"`    // rows inserted, or compared
	Failed  int64 `json:"failed"`  // rows set aside, or not comparable
	Clamped int64 `json:"clamped"` // values clamped

	Missing    int64 `json:"missing"`    // differences of these kinds
	Stale      int64 `json:"stale"`      // "
	Surplus    int64 `json:"surplus"`    // "
	Registered int64 `json:"registered"` // operations registered to mend them
}

// Reader is one of those that read the ranges of a job.
type Reader struct {
	Name string // unique within the job
	// Attempt grows whenever the reader begins anew, and is 1 at first. A later attempt takes over
	// at once what an earlier one has.
	Attempt int64
}

// Claim is a range that a reader has.
type Claim struct {
	Job    Job
	Number int64  // of the range, within the job
	ID     string // unique to the claim
	Range         // After is the last cursor that was saved
	Page   int64  // the last page that was saved; 0: none
	// TakenOver tells that another reader, or an earlier attempt, had the range, and may have read
	// a page that it could not save.
	TakenOver bool
}

// Page is what became of a page of a range.
type Page struct {
	// Number is greater than that of any page that was saved of the range before, also by other
	// readers: [Claim.Page] and up.
	Number int64
	Cursor string // [Range.After] of the next page
	Counts RangeCounts
	// Differences are kept as long as there are no more than [MaxDifferences] of the job. Counts
	// says how many there are in all.
	Differences []Difference
	Lease       time.Duration // from now; 0 means [chferry.DefaultLease]
}

// MaxDifferences is how many differences of a job are kept.
const MaxDifferences = 10_000

// DifferenceKind is how source and destination differ in a row.
type DifferenceKind string

// The kinds of differences.
const (
	Missing DifferenceKind = "missing" // in the source alone
	Stale   DifferenceKind = "stale"   // other values
	Surplus DifferenceKind = "surplus" // in ClickHouse alone
)

// Difference is one row in which source and destination differ.
type Difference struct {
	Kind       DifferenceKind
	Database   string // alias
	PrimaryKey chferry.PrimaryKey
}
