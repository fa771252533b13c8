package api

import (
	"context"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// The states of a job that has not ended in an outcome: copied or partial of a backfill, equal, different or repaired
// of a verify, or failed, cancelled or superseded of either.
const (
	JobNone       = "none"       // there was no such job
	JobRunning    = "running"    // or it waits for a worker
	JobPaused     = "paused"     // until it is resumed
	JobTerminated = "terminated" // by hand, in Temporal: the storage was not told
	jobFailed     = "failed"
	jobCancelled  = "cancelled"
)

// JobStatus is how the last job of an import key is that reads whole tables: a backfill or a verify.
// `chferry backfill KEY --status --json` prints the same.
type JobStatus struct {
	Key        chferry.ImportKey `json:"import_key"`
	State      string            `json:"state"`
	WorkflowID string            `json:"workflow_id,omitempty"`
	Began      time.Time         `json:"began,omitzero"`
	Ended      time.Time         `json:"ended,omitzero"`
	// Rows were inserted or compared, Failed can't be, Estimated is about how many there are.
	Rows      int64 `json:"rows"`
	Failed    int64 `json:"failed"`
	Estimated int64 `json:"estimated_rows"`
	// Ranges are the parts that the tables are read in; a range may be halved.
	Ranges   int64 `json:"ranges"`
	Finished int64 `json:"finished_ranges"`
	// RowsPerSecond is the mean since the job began, with its pauses; 0: nothing is known yet.
	RowsPerSecond float64 `json:"rows_per_second"`
	// Remaining is about how many seconds the rest takes at that pace; nil: not known, or nothing is left.
	Remaining *float64 `json:"remaining_seconds,omitempty"`
	// Failing are steps that failed and will be tried again, Waiting is what a step waits for.
	Failing []FailingStep `json:"failing,omitempty"`
	Waiting string        `json:"waiting,omitempty"`
	// Reason is why it failed.
	Reason string `json:"reason,omitempty"`
	// Workers is how many workers poll the task queue. It is only asked while no worker has a step of the job.
	Workers *int `json:"workers,omitempty"`
}

// FailingStep is a step whose last attempt failed and will be made again.
type FailingStep struct {
	Step    string `json:"step"`
	Attempt int32  `json:"attempt"` // the one that failed, counted from 1
	Reason  string `json:"reason"`  // no row, key or secret
}

// RangesReader tells how far a job is that reads whole tables.
type RangesReader interface {
	RangesProgress(ctx context.Context, key chferry.ImportKey, kind storage.JobKind) (storage.Progress, error)
}

// BackfillReader tells what Temporal knows of a backfill.
type BackfillReader interface {
	Backfill(ctx context.Context, key chferry.ImportKey) (chferry.JobStatus, error)
}

// ReadBackfill returns how the last backfill of an import key is. Temporal knows the state, the storage the numbers.
func ReadBackfill(ctx context.Context, ranges RangesReader, jobs BackfillReader,
	key chferry.ImportKey,
) (JobStatus, error) {
	status, _, err := readJob(ctx, ranges, key, storage.Backfill, jobs.Backfill, jobs)
	return status, err
}

// readJob returns how the last job of a kind is, and what the storage knows of it. jobs may be a [PollerCounter].
func readJob(ctx context.Context, ranges RangesReader, key chferry.ImportKey, kind storage.JobKind,
	describe func(context.Context, chferry.ImportKey) (chferry.JobStatus, error), jobs any,
) (status JobStatus, progress storage.Progress, err error) {
	progress, err = readRanges(ctx, ranges, key, kind)
	if err != nil {
		return status, progress, err
	}
	ctx, cancel := context.WithTimeout(ctx, temporalTimeout)
	defer cancel()
	job, err := describe(ctx, key)
	if err != nil {
		return status, progress, err
	}
	status = NewJobStatus(key, job, progress)
	if pollers, ok := jobs.(PollerCounter); ok && status.State == JobRunning && !job.Working {
		if workers, err := pollers.Pollers(ctx); err == nil {
			status.Workers = &workers
		}
	}
	return status, progress, nil
}

func readRanges(ctx context.Context, ranges RangesReader, key chferry.ImportKey,
	kind storage.JobKind,
) (storage.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, storageTimeout)
	defer cancel()
	return ranges.RangesProgress(ctx, key, kind)
}

// NewJobStatus puts together what Temporal and the storage know of a job. If they know different ones,
// Temporal's is the newer: it has not begun to read.
func NewJobStatus(key chferry.ImportKey, job chferry.JobStatus, p storage.Progress) JobStatus {
	s := JobStatus{
		Key: key, WorkflowID: job.ID, Began: job.Began, Ended: job.Ended, Reason: job.Reason, Waiting: job.Waiting,
	}
	for _, step := range job.Failing {
		s.Failing = append(s.Failing, FailingStep(step))
	}
	known := isOf(p, job)
	if known {
		s.count(p)
	}
	s.State = jobState(job, p, known)
	if s.State != JobRunning {
		s.Remaining = nil
	}
	return s
}

// isOf reports whether a progress is that of a job, or nothing contradicts that.
func isOf(p storage.Progress, job chferry.JobStatus) bool {
	return !p.Began.IsZero() && (job.ID == "" || job.Token == p.Token)
}

func (s *JobStatus) count(p storage.Progress) {
	s.Rows, s.Failed, s.Estimated = p.Counts.Rows, p.Counts.Failed, p.Rows
	s.Ranges, s.Finished = p.Pending+p.Claimed+p.Finished, p.Finished
	s.Began = p.Began // of the first of several runs that continue each other
	if s.Ended.IsZero() {
		s.Ended = p.Ended
	}
	if took := p.Moved.Sub(p.Began).Seconds(); took > 0 {
		s.RowsPerSecond = float64(s.Rows) / took
	}
	if s.RowsPerSecond > 0 && s.Estimated > s.Rows {
		rest := float64(s.Estimated-s.Rows) / s.RowsPerSecond
		s.Remaining = &rest
	}
}

// jobState returns the state of a job; known tells that the progress is of the same one.
func jobState(job chferry.JobStatus, p storage.Progress, known bool) string {
	switch {
	case job.Running && job.Paused:
		return JobPaused
	case job.Running:
		return JobRunning
	case known && !p.Open && p.Outcome != "":
		return p.Outcome
	case job.ID == "" && !known:
		return JobNone
	case job.Status == "Canceled":
		return jobCancelled
	case job.Status == "Terminated", job.ID == "":
		return JobTerminated
	default:
		return jobFailed
	}
}
