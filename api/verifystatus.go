package api

import (
	"context"
	"encoding/json"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// VerifyStatus is how the last verify of an import key is. `chferry verify KEY --status --json` prints the same.
type VerifyStatus struct {
	JobStatus
	// Missing, Stale and Surplus are how many differences of these kinds there are so far, Registered is how many
	// operations were registered to mend them.
	Missing    int64 `json:"missing"`
	Stale      int64 `json:"stale"`
	Surplus    int64 `json:"surplus"`
	Registered int64 `json:"registered"`
	// Clamped is how many values the destination can't hold as they are. They were compared as it holds them.
	Clamped int64 `json:"clamped"`
	chferry.VerifyScope
}

// VerifyReader tells what Temporal knows of a verify.
type VerifyReader interface {
	Verify(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error)
}

// ReadVerify returns how the last verify of an import key is. Temporal knows the state, the storage the numbers.
func ReadVerify(ctx context.Context, ranges RangesReader, jobs VerifyReader,
	key chferry.ImportKey,
) (VerifyStatus, error) {
	status, progress, err := readJob(ctx, ranges, key, storage.Verify, jobs.Verify, jobs)
	return newVerifyStatus(status, progress), err
}

func newVerifyStatus(job JobStatus, p storage.Progress) VerifyStatus {
	if job.Ranges == 0 && job.Rows == 0 { // the progress is not of this job, or there is none
		return VerifyStatus{JobStatus: job}
	}
	var scope chferry.VerifyScope
	_ = json.Unmarshal([]byte(p.Options), &scope) // unreadable: as if nothing was left out
	return VerifyStatus{
		JobStatus: job, VerifyScope: scope,
		Missing: p.Counts.Missing, Stale: p.Counts.Stale, Surplus: p.Counts.Surplus,
		Registered: p.Counts.Registered, Clamped: p.Counts.Clamped,
	}
}
