// Package storage keeps operations until they are safely in ClickHouse.
//
// A storage is a queue of operations for each import key, a claim on its head, and a memory of what was synced. The
// contract, which storagetest checks for every implementation:
//
//  1. Registering is one round trip, atomic, and returns the number of operations registered.
//  2. An operation is removed only by PostSync, after its batch was imported.
//  3. An operation registered at any moment of a sync is never lost.
//  4. A claimed batch never changes; only its claimant does.
//  5. A batch belongs to the claimant whose token PreSync took last. Any other gets
//     chferry.CodeSuperseded. A request that arrives late, or once more, changes nothing that has
//     moved on.
//  6. Operations come out in the order in which they were registered.
//  7. Versions of an import key grow and never repeat, minted with a batch or without one, whatever
//     happens to clocks and to the storage.
//  8. Import keys don't touch each other.
//  9. Flush drops everything kept, of one import key or of all; only versions go on growing.
//  10. A page of a range counts once, whichever reader saves it; a reader that has lost its range
//     can change nothing of it.
//
// Errors are [chferry.Error]s: CodeUnavailable when the storage does not answer.
package storage

import (
	"context"
	"iter"
	"time"

	"github.com/chferry/chferry"
)

// Storage is all that a storage does.
type Storage interface {
	Registrar
	Syncer
	Minter
	Memory
	Administrator
	FailedOperations
	Positions
	Requests
	Replacements
	Ranges
	RangeReader
}

// Registrar is what an application needs.
type Registrar interface {
	// RegisterOperations keeps ops, at most [chferry.MaxOperations], after those that are kept
	// already, and returns how many it registered: all of them or, with an error, none. Call it
	// after the transaction that changed the rows was committed.
	//
	// Errors: CodeInvalid, CodeTooLarge, CodeQueueFull, CodeUnavailable. After CodeUnavailable the operations may have
	// been kept all the same; registering them again does no harm.
	RegisterOperations(ctx context.Context, key chferry.ImportKey, ops ...chferry.Operation) (int, error)
}

// Syncer is what a sync needs, in the order of the calls.
type Syncer interface {
	// PreSync makes the caller the claimant of key if there is something to sync, and notes the time of the sync.
	// Errors: CodeClaimed if another claimant holds the key.
	PreSync(ctx context.Context, key chferry.ImportKey, opts PreSyncOptions) (Start, error)

	// GetOperations claims the next batch, or returns the one that is claimed already, whoever
	// claimed it. A batch with Count 0 means that nothing is to be claimed; the caller then is no
	// longer the claimant. Errors: CodeSuperseded.
	GetOperations(ctx context.Context, key chferry.ImportKey, opts GetOptions) (chferry.Batch, error)

	// BatchOperations yields the operations of a claimed batch in order, page by page. A page is
	// valid until the next one is asked for; its operations may be kept. After the last page the
	// sum of all pages is batch.Count, or else it yields an error: CodeSuperseded when the batch is
	// no longer the token's.
	BatchOperations(ctx context.Context, key chferry.ImportKey, token string,
		batch chferry.Batch) iter.Seq2[[]chferry.Operation, error]

	// SetAside notes that operations of the claimed batch can't be imported. They become failed
	// operations when PostSync ends the batch. The first call of an attempt, which may note
	// nothing, forgets what earlier attempts at the batch noted; what an attempt noted of a row
	// first, stays. Errors: CodeSuperseded, also of an attempt that a later one has overtaken.
	SetAside(ctx context.Context, key chferry.ImportKey, by Attempt, failed []chferry.FailedOperation) error

	// ForgetImported forgets the failed operations for which imported returns true, because the
	// attempt imported their rows. It calls imported with a page of them at a time. Errors:
	// CodeSuperseded, as of SetAside.
	ForgetImported(ctx context.Context, key chferry.ImportKey, by Attempt,
		imported func([]chferry.Operation) ([]bool, error)) error

	// ExtendLease keeps the claimant of key for another lease from now.
	// Errors: CodeSuperseded.
	ExtendLease(ctx context.Context, key chferry.ImportKey, token string, lease time.Duration) error

	// PostSync removes the operations of a batch that was imported, adds outcome to the totals,
	// keeps what was set aside and, if nothing is left or opts.Last, ends the claim. Asked again by
	// the same claimant it gives the first answer. Errors: CodeSuperseded; CodeReplaced if a
	// replacement has begun since the batch was imported, which must be imported again then.
	PostSync(ctx context.Context, key chferry.ImportKey, opts PostSyncOptions) (End, error)

	// PostSyncFailed ends the claim of a sync that failed. Its batch stays as it is for the next sync.
	// Errors: CodeSuperseded, which a failing sync may ignore.
	PostSyncFailed(ctx context.Context, key chferry.ImportKey, token string) error

	// NoteFailure keeps why a step of the claimant's sync failed, until a batch is imported or
	// nothing is to be synced. A sync that is not the claimant notes nothing.
	NoteFailure(ctx context.Context, key chferry.ImportKey, token, step string, code chferry.Code, reason string) error
}

// Minter is what work without a claim needs, such as a copy of rows that no operation names. It
// mints a version first and reads the rows then, so that of two rows of one key the one that was
// read later has the greater version.
type Minter interface {
	// Mint returns a version of key that is greater than all versions minted before, those of
	// batches among them. Nobody needs a claim for it, and a version that nobody uses does no harm.
	Mint(ctx context.Context, key chferry.ImportKey, floor Floor) (version uint64, err error)
}

// Floor returns a version that is not less than any minted before the storage forgot its last one.
// It is asked when the storage knows no version of the key, or can't be sure that it knows the last
// one. nil stands for 0.
type Floor func(ctx context.Context) (uint64, error)

// Memory is what a sync remembers of an import key from one batch to the next.
type Memory interface {
	// RememberIdentity remembers what identifies the source table behind a database alias, unless something is
	// remembered already, and returns what was remembered before, or else identity. Of the same table it remembers the
	// greatest mark.
	RememberIdentity(ctx context.Context, key chferry.ImportKey, database string, identity Identity) (Identity, error)

	// ReplaceIdentity remembers another table, or another mark, behind a database alias.
	ReplaceIdentity(ctx context.Context, key chferry.ImportKey, database string, identity Identity) error

	// RememberedIdentity returns what is remembered of a database alias; the zero value if nothing is.
	RememberedIdentity(ctx context.Context, key chferry.ImportKey, database string) (Identity, error)

	// NoteSchema keeps what a sync found of the columns of source and destination, a sentence each,
	// in place of what was noted before. A token that is not the claimant's notes nothing; an
	// operator has none.
	NoteSchema(ctx context.Context, key chferry.ImportKey, token string, schema []string) error
}

// Identity tells a source table from others, and from its own past.
type Identity struct {
	Table string // [rowset.Table.Identity]
	Mark  uint64 // [rowset.Table.Mark]
}

// Administrator is what operators and services need.
type Administrator interface {
	// OperationsCount returns the number of operations kept: those waiting and those claimed, without failed ones.
	OperationsCount(ctx context.Context, key chferry.ImportKey) (int64, error)

	// LastSyncTime returns when key was synced last, the zero time if never.
	LastSyncTime(ctx context.Context, key chferry.ImportKey) (time.Time, error)

	// SetLastSyncTime says when key was synced last. PreSync calls it by itself.
	SetLastSyncTime(ctx context.Context, key chferry.ImportKey, t time.Time) error

	// Status returns what is known of each of keys, in their order, in one round trip.
	Status(ctx context.Context, keys ...chferry.ImportKey) ([]chferry.Status, error)

	// Flush is dangerous: it drops everything kept for keys, or for all import keys when none is given. Only the last
	// version stays.
	Flush(ctx context.Context, keys ...chferry.ImportKey) error
}

// FailedOperations is what those need who look after operations that could not be imported.
type FailedOperations interface {
	// FailedOperations yields the failed operations of an import key page by page, in no particular
	// order. One that is set aside, retried or discarded meanwhile may be missing or come twice.
	FailedOperations(ctx context.Context, key chferry.ImportKey) iter.Seq2[[]chferry.FailedOperation, error]

	// RetryFailed registers all failed operations of an import key again and returns how many. One
	// that fails again goes on counting its attempts.
	RetryFailed(ctx context.Context, key chferry.ImportKey) (int, error)

	// DiscardFailed forgets all failed operations of an import key and returns how many.
	DiscardFailed(ctx context.Context, key chferry.ImportKey) (int, error)
}

// PreSyncOptions are what PreSync is told.
type PreSyncOptions struct {
	// Token is unique to the claimant: one run of a sync with all its retries and continuations.
	Token string
	// Lease is how long the claimant may stay silent before another takes over; 0 means [chferry.DefaultLease].
	Lease time.Duration
	// Settle leaves operations unclaimed until they are that old.
	Settle time.Duration
	// Closed, if set, tells whether the claimant with a token is known to have ended. It is asked when another claimant
	// holds the key within its lease.
	Closed func(ctx context.Context, token string) bool
}

// Start is PreSync's answer.
type Start struct {
	// Claimed tells whether the caller is the claimant now. It is false when nothing is to be synced.
	Claimed bool
	// Pending is the number of operations kept.
	Pending int64
	// TakenOver tells whether another claimant lost the key to the caller.
	TakenOver bool
}

// GetOptions are what GetOperations is told.
type GetOptions struct {
	Token string
	// Count is the number of operations to claim; fewer are claimed if there are no more. 0 means
	// [chferry.DefaultBatchSize].
	Count int
	// ChunkSize is the [chferry.Batch.ChunkSize] of a new batch; 0 means Count.
	ChunkSize int
	// Settle leaves operations unclaimed until they are that old.
	Settle time.Duration
	// Floor is asked for the version of a new batch.
	Floor Floor
}

// Attempt is one attempt to import a claimed batch.
type Attempt struct {
	Token   string
	BatchID string
	// Number grows with each attempt of the same claimant at the batch. An attempt that was thought
	// dead can note nothing once a later one has begun.
	Number int64
}

// PostSyncOptions are what PostSync is told.
type PostSyncOptions struct {
	Token   string
	BatchID string
	Counts  chferry.Counts
	// Last ends the claim although operations are left.
	Last bool
	// Partial tells that not all operations of the same sync were imported, in this batch or an earlier one.
	Partial bool
	// Replacement is the ID of the last [Replacement] that had begun before the batch was imported.
	Replacement string
}

// End is PostSync's answer.
type End struct {
	// Remaining is the number of operations kept after the batch was removed. At 0 the claim has ended.
	Remaining int64
	// Repeated tells that the batch had been removed by an earlier call, whose answer this is.
	Repeated bool
}
