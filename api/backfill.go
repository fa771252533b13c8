package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// Backfills is what the API asks of Temporal about backfills. Errors: [chferry.CodeClaimed] if one runs already,
// [chferry.CodeInvalid] where there is none to steer.
type Backfills interface {
	BackfillReader
	// BackfillID returns the ID of the workflow.
	BackfillID(key chferry.ImportKey) string
	StartBackfill(ctx context.Context, imp chferry.Import, requests storage.Requests,
		opts chferry.BackfillOptions) error
	PauseBackfill(ctx context.Context, key chferry.ImportKey) error
	ResumeBackfill(ctx context.Context, key chferry.ImportKey) error
	CancelBackfill(ctx context.Context, key chferry.ImportKey) error
}

// acceptedJob is the answer to what starts or steers a workflow.
type acceptedJob struct {
	Key        chferry.ImportKey `json:"import_key"`
	WorkflowID string            `json:"workflow_id"`
}

func (s *server) startBackfill(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	opts, err := s.readBackfillOptions(w, r)
	if err != nil {
		return err
	}
	return s.steerBackfill(w, r, i.Key, http.StatusAccepted, func(ctx context.Context, _ chferry.ImportKey) error {
		return s.Backfills.StartBackfill(ctx, i, s.Administrator, opts)
	})
}

func (s *server) getBackfill(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	status, err := ReadBackfill(r.Context(), s.Administrator, s.Backfills, i.Key)
	if err != nil {
		return cannotSteerJob(storage.Backfill, i.Key, err)
	}
	return writeJSON(w, http.StatusOK, status)
}

func (s *server) cancelBackfill(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	return s.steerBackfill(w, r, i.Key, http.StatusAccepted, s.Backfills.CancelBackfill)
}

func (s *server) pauseBackfill(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	return s.steerBackfill(w, r, i.Key, http.StatusOK, s.Backfills.PauseBackfill)
}

func (s *server) resumeBackfill(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	return s.steerBackfill(w, r, i.Key, http.StatusOK, s.Backfills.ResumeBackfill)
}

func (s *server) steerBackfill(w http.ResponseWriter, r *http.Request, key chferry.ImportKey, status int,
	do func(ctx context.Context, key chferry.ImportKey) error,
) error {
	return steerJob(w, r, storage.Backfill, acceptedJob{key, s.Backfills.BackfillID(key)}, status, do)
}

// steerJob asks Temporal to start or steer a workflow that reads whole tables, and answers with its ID.
func steerJob(w http.ResponseWriter, r *http.Request, kind storage.JobKind, job acceptedJob, status int,
	do func(ctx context.Context, key chferry.ImportKey) error,
) error {
	ctx, cancel := context.WithTimeout(r.Context(), temporalTimeout)
	defer cancel()
	if err := do(ctx, job.Key); err != nil {
		return cannotSteerJob(kind, job.Key, err)
	}
	return writeJSON(w, status, job)
}

// cannotSteerJob makes a conflict of a schedule that is missing, of a job that runs already and of none that could be
// steered.
func cannotSteerJob(kind storage.JobKind, key chferry.ImportKey, err error) error {
	var known *chferry.Error
	if errors.As(err, &known) {
		switch known.Code {
		case chferry.CodeConfiguration, chferry.CodeClaimed, chferry.CodeInvalid:
			return &statusError{status: http.StatusConflict, detail: known.Message, code: known.Code}
		default:
		}
	}
	return fmt.Errorf("steer the %s of %s: %w", kind, key, err)
}

func (s *server) readBackfillOptions(w http.ResponseWriter, r *http.Request) (opts chferry.BackfillOptions, err error) {
	request, end, err := s.readObject(w, r, "where", "parallel", "rows_per_second", "replace")
	defer end()
	if err != nil {
		return opts, err
	}
	if opts.Where, err = request.text("where"); err != nil {
		return opts, err
	}
	parallel, err := request.positive("parallel", chferry.MaxParallel)
	if err != nil {
		return opts, err
	}
	opts.Parallel = int(parallel)
	if opts.RowsPerSecond, err = request.positive("rows_per_second", math.MaxInt64); err != nil {
		return opts, err
	}
	if opts.Replace, err = request.flag("replace"); err != nil {
		return opts, err
	}
	return opts, opts.Validate()
}

// readObject reads a body with these fields, all optional. It may be empty. The values are valid until end is called.
func (s *server) readObject(w http.ResponseWriter, r *http.Request, fields ...string) (
	request object, end func(), err error,
) {
	request.fields = fields
	share := &share{budget: s.bodies}
	body, err := readBody(w, r, share)
	if err != nil || len(trim(body)) == 0 {
		return request, share.end, err
	}
	if _, err := mediaOf(r, "", mediaJSON); err != nil {
		return request, share.end, err
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return request, share.end, refuse(http.StatusBadRequest, malformed(err, body))
	}
	return request, share.end, request.err
}

// positive returns a field's whole number from 1 to most; 0 if there is none, or null.
func (o *object) positive(name string, most int64) (int64, error) {
	raw := o.field(name)
	switch {
	case raw == nil:
		return 0, nil
	case typeOf(raw) != "number":
		return 0, wrongType(name, "a number", raw)
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 1 || n > most {
		text := fmt.Sprintf("%s must be a whole number from 1", name)
		if most < math.MaxInt64 {
			text += fmt.Sprintf(" to %d", most)
		}
		return 0, chferry.Errorf(chferry.CodeInvalid, "%s: leave it out for the default", text)
	}
	return n, nil
}
