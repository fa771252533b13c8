package api

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/chferry/chferry"
)

// FailedOperation is a failed operation as the API and `chferry failed list --json` show it.
type FailedOperation struct {
	Database string             `json:"database"`
	Kind     chferry.Kind       `json:"operation"`
	PK       chferry.PrimaryKey `json:"pk"`
	Reason   string             `json:"reason"`
	Attempts int                `json:"attempts"`
	First    time.Time          `json:"first"`
	Last     time.Time          `json:"last"`
}

// maxListedBytes bounds the primary keys and reasons of one answer.
const maxListedBytes = maxBody

// ListFailed returns the first failed operations of an import, at most limit and about 16 MiB; 0
// means all. Each names its database, also where the registration named none.
func ListFailed(imp chferry.Import, pages iter.Seq2[[]chferry.FailedOperation, error],
	limit int,
) ([]FailedOperation, error) {
	out, size := []FailedOperation{}, 0
	for page, err := range pages {
		if err != nil {
			return nil, err
		}
		for _, f := range page {
			if limit > 0 && (len(out) == limit || size > maxListedBytes) {
				return out, nil
			}
			size += len(f.Reason)
			for _, part := range f.PrimaryKey {
				size += len(part)
			}
			database, err := imp.Database(f.Database)
			if err != nil {
				database = f.Database // that the import has no such database may be why the operation failed
			}
			out = append(out, FailedOperation{
				Database: database, Kind: f.Kind, PK: f.PrimaryKey, Reason: f.Reason, Attempts: f.Attempts,
				First: f.First, Last: f.Last,
			})
		}
	}
	return out, nil
}

// maxListed bounds one answer; the status says how many there are.
const maxListed = 10_000

func (s *server) listFailed(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	ctx, cancel := context.WithTimeout(r.Context(), storageTimeout)
	defer cancel()
	share := &share{budget: s.bodies}
	defer share.end()
	if err := share.grow(maxListedBytes); err != nil {
		return err
	}
	failed, err := ListFailed(i, s.Administrator.FailedOperations(ctx, i.Key), maxListed)
	if err != nil {
		return fmt.Errorf("list failed operations of %s: %w", i.Key, err)
	}
	return writeJSON(w, http.StatusOK, failed)
}

// failedTimeout has room for as many pages as failed operations may have.
const failedTimeout = time.Minute

func (s *server) retryFailed(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	ctx, cancel := context.WithTimeout(r.Context(), failedTimeout)
	defer cancel()
	n, err := s.Administrator.RetryFailed(ctx, i.Key)
	if err != nil {
		return fmt.Errorf("retry failed operations of %s: %w", i.Key, err)
	}
	return writeJSON(w, http.StatusOK, struct {
		Retried int `json:"retried"`
	}{n})
}

func (s *server) discardFailed(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	ctx, cancel := context.WithTimeout(r.Context(), storageTimeout)
	defer cancel()
	n, err := s.Administrator.DiscardFailed(ctx, i.Key)
	if err != nil {
		return fmt.Errorf("discard failed operations of %s: %w", i.Key, err)
	}
	s.Log.WarnContext(r.Context(), "discarded failed operations", "import_key", i.Key, "operations", n)
	return writeJSON(w, http.StatusOK, struct {
		Discarded int `json:"discarded"`
	}{n})
}
