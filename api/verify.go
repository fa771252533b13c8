package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// Verifies is what the API asks of Temporal about verifies. Its errors are those of [Backfills].
type Verifies interface {
	VerifyReader
	// VerifyID returns the ID of the workflow.
	VerifyID(key chferry.ImportKey) string
	StartVerify(ctx context.Context, imp chferry.Import, requests storage.Requests, opts chferry.VerifyOptions) error
	CancelVerify(ctx context.Context, key chferry.ImportKey) error
}

func (s *server) startVerify(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	opts, err := s.readVerifyOptions(w, r)
	if err != nil {
		return err
	}
	return s.steerVerify(w, r, i.Key, func(ctx context.Context, _ chferry.ImportKey) error {
		return s.Verifies.StartVerify(ctx, i, s.Administrator, opts)
	})
}

func (s *server) getVerify(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	status, err := ReadVerify(r.Context(), s.Administrator, s.Verifies, i.Key)
	if err != nil {
		return cannotSteerJob(storage.Verify, i.Key, err)
	}
	return writeJSON(w, http.StatusOK, status)
}

func (s *server) cancelVerify(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	return s.steerVerify(w, r, i.Key, s.Verifies.CancelVerify)
}

func (s *server) steerVerify(w http.ResponseWriter, r *http.Request, key chferry.ImportKey,
	do func(ctx context.Context, key chferry.ImportKey) error,
) error {
	return steerJob(w, r, storage.Verify, acceptedJob{key, s.Verifies.VerifyID(key)}, http.StatusAccepted, do)
}

func (s *server) readVerifyOptions(w http.ResponseWriter, r *http.Request) (opts chferry.VerifyOptions, err error) {
	request, end, err := s.readObject(w, r, "repair", "where", "sample", "parallel")
	defer end()
	if err != nil {
		return opts, err
	}
	if opts.Repair, err = request.flag("repair"); err != nil {
		return opts, err
	}
	if opts.Where, err = request.text("where"); err != nil {
		return opts, err
	}
	if opts.Sample, err = request.share("sample"); err != nil {
		return opts, err
	}
	parallel, err := request.positive("parallel", chferry.MaxParallel)
	if err != nil {
		return opts, err
	}
	opts.Parallel = int(parallel)
	return opts, opts.Validate()
}

// share returns a field's number, which is greater than 0 and at most 1; 0 if there is none, or null.
func (o *object) share(name string) (float64, error) {
	raw := o.field(name)
	switch {
	case raw == nil:
		return 0, nil
	case typeOf(raw) != "number":
		return 0, wrongType(name, "a number", raw)
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || n <= 0 || n > 1 {
		return 0, chferry.Errorf(chferry.CodeInvalid,
			"%s must be greater than 0 and at most 1: leave it out for all rows", name)
	}
	return n, nil
}

// The differences of one answer.
const (
	usualDifferences = 100
	mostDifferences  = 1000
)

// differencesAnswer is a page of the differences that the last verify found.
type differencesAnswer struct {
	Differences []Difference `json:"differences"`
	// Next is from where the next page begins; nil: this is the last one.
	Next *int `json:"next"`
}

func (s *server) getDifferences(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	from, err := queryNumber(r, "from", 0, 0, storage.MaxDifferences)
	if err != nil {
		return err
	}
	limit, err := queryNumber(r, "limit", usualDifferences, 1, mostDifferences)
	if err != nil {
		return err
	}
	share := &share{budget: s.bodies}
	defer share.end()
	if err := share.grow(maxListedBytes); err != nil {
		return err
	}
	found, more, err := pageOfDifferences(r.Context(), s.Administrator, i.Key, from, limit)
	if err != nil {
		return fmt.Errorf("list the differences of %s: %w", i.Key, err)
	}
	answer := differencesAnswer{Differences: found}
	if next := from + len(found); more {
		answer.Next = &next
	}
	return writeJSON(w, http.StatusOK, answer)
}

// queryNumber returns a whole number of the query; otherwise if it has none.
func queryNumber(r *http.Request, name string, otherwise, least, most int) (int, error) {
	query, err := readQuery(r)
	if err != nil || !query.Has(name) {
		return otherwise, err
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil || n < least || n > most {
		return 0, refuse(http.StatusBadRequest,
			fmt.Sprintf("the query parameter %s must be a whole number from %d to %d", name, least, most))
	}
	return n, nil
}
