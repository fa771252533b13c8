package chferry

import "time"

// Batch is a claim on the oldest pending operations of an import key. Once made it never changes, whoever asks for it.
type Batch struct {
	// ID is unique within the import key. Storages give it a form of their own.
	ID string
	// Count is the number of operations claimed; 0 means that nothing was pending and that there is no batch.
	Count int
	// Version is greater than every version of the import key before it.
	Version uint64
	// ChunkSize is the number of operations after which the batch is cut into blocks; the last one may be smaller.
	ChunkSize int
}

// Counts counts what became of a batch's operations: Operations = Rows + Deletes + Coalesced + Failed.
type Counts struct {
	Operations int64 `json:"operations"`
	Rows       int64 `json:"rows"`      // rows inserted
	Deletes    int64 `json:"deletes"`   // tombstones inserted, because the source no longer has the row
	Coalesced  int64 `json:"coalesced"` // operations on a row that the batch had already
	Failed     int64 `json:"failed"`    // operations set aside
}

// Add adds p to o.
func (o *Counts) Add(p Counts) {
	o.Operations += p.Operations
	o.Rows += p.Rows
	o.Deletes += p.Deletes
	o.Coalesced += p.Coalesced
	o.Failed += p.Failed
}

// Status is what a storage knows of one import key.
type Status struct {
	Pending       int64     // operations waiting, not claimed
	InFlight      int64     // operations of the claimed batch
	Failed        int64     // operations set aside
	LastSync      time.Time // zero: never
	OldestPending time.Time // when the oldest operation kept was registered; zero: none
	Totals        Counts    // over all batches that ended
	Version       uint64    // the last version minted; 0: none
	// Schema says, a sentence each, which columns of source and destination differed when the last
	// batch was claimed, or the next one could not be.
	Schema []string
	// LastOutcome is how the last sync that had something to do ended: synced, partial, failed or
	// superseded; empty: unknown.
	LastOutcome string
	// Failing says that steps of syncs fail, since when and why; nil after a batch was imported or
	// when nothing is to be synced.
	Failing *Failing
	// Backfill is how far the backfill is that has begun and not ended; nil if there is none.
	Backfill *TableRows
	// Verify is how the last verify ended; nil if there was none, or one runs that has begun to compare.
	Verify *LastVerify
}

// LastVerify is how a verify ended and what it found.
type LastVerify struct {
	// Outcome is equal, different, repaired, failed, cancelled or superseded.
	Outcome string    `json:"outcome"`
	Ended   time.Time `json:"ended"`
	Rows    int64     `json:"rows"`    // of the source that were compared
	Missing int64     `json:"missing"` // rows that only the source has
	Stale   int64     `json:"stale"`   // rows with other values
	Surplus int64     `json:"surplus"` // rows that only the destination has
}

// TableRows is how far a whole table is read.
type TableRows struct {
	Rows      int64 `json:"rows"`
	Estimated int64 `json:"estimated_rows"` // about how many there are; 0: not known
}

// Failing is why the syncs of an import key do not get on.
type Failing struct {
	Since    time.Time `json:"since"`    // the first failure after which no batch was imported
	Last     time.Time `json:"last"`     // the newest failure
	Attempts int64     `json:"attempts"` // failed attempts since then
	Step     string    `json:"step"`     // the step that failed last, such as InsertBatch
	Code     Code      `json:"code"`
	Reason   string    `json:"reason"` // what to mend; it holds no row, key or secret
}
