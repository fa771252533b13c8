package storage

import (
	"context"

	"github.com/chferry/chferry"
)

// Replacements tell the syncs of an import key that a job fills a table which is to replace the
// destination. What a batch brings must then get into both tables: PostSync removes no batch that was
// imported before the replacement had begun.
//
// A replacement is open from BeginReplacement to EndReplacement, whatever becomes of the job: the job's
// table must be gone, or be the destination, before anybody ends the replacement.
type Replacements interface {
	// BeginReplacement opens the replacement of a job, whose token is unique to it. Asked again with
	// the same table while it is open, BeginReplacement changes nothing. So of several attempts at a
	// job, each with a table of its own, the first decides which table is filled. Errors: CodeInvalid
	// for an empty token or table; CodeClaimed if a replacement of another job, or of another table,
	// is open; CodeSuperseded if the job's [Backfill] ranges have begun: its replacement has ended.
	BeginReplacement(ctx context.Context, key chferry.ImportKey, token, table string) (Replacement, error)

	// Replacement returns the replacement that was begun last, in one round trip.
	Replacement(ctx context.Context, key chferry.ImportKey) (Replacement, error)

	// EndReplacement ends the replacement of a job. If none of the job is open, it changes nothing.
	EndReplacement(ctx context.Context, key chferry.ImportKey, token string) error
}

// Replacement is the replacement of a destination that was begun last.
type Replacement struct {
	// ID is unique to the replacement, and stays when it has ended; empty: the storage knows none.
	ID string
	// Token is that of its job, and Table the table that the job fills; empty: the replacement has ended.
	Token, Table string
}

// Open tells whether the replacement has not ended.
func (r Replacement) Open() bool { return r.Table != "" }
