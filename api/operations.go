package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/chferry/chferry"
)

// registerOperations answers once the storage has the operations, all of them or none.
func (s *server) registerOperations(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	share := &share{budget: s.bodies}
	defer share.end()
	ops, err := readOperations(w, r, share)
	if err != nil {
		return err
	}
	if err := checkOperations(i, ops); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storageTimeout)
	defer cancel()
	n, err := s.Registrar.RegisterOperations(ctx, i.Key, ops...)
	if err != nil {
		return fmt.Errorf("register operations of %s: %w", i.Key, err)
	}
	return writeJSON(w, http.StatusOK, struct {
		Registered int `json:"registered"`
	}{n})
}

// checkOperations refuses what could never be synced: what is malformed, a database that the import
// does not have, and a primary key of another length than the configured one.
func checkOperations(i chferry.Import, ops []chferry.Operation) error {
	if len(ops) == 0 {
		return chferry.Errorf(chferry.CodeInvalid,
			"there is nothing to register: give at least one primary key in pks, or one line")
	}
	if err := chferry.ValidateOperations(ops); err != nil {
		return err
	}
	for n, op := range ops {
		if _, err := i.Database(op.Database); err != nil {
			return chferry.WrapError(chferry.CodeInvalid, err, "operation %d: %s", n+1, err)
		}
		if want := len(i.PrimaryKey); want > 0 && len(op.PrimaryKey) != want {
			return chferry.Errorf(chferry.CodeInvalid,
				"operation %d: the primary key of %s has %s, %v, this one has %d",
				n+1, i.Key, chferry.Amount(int64(want), "value", "values"), i.PrimaryKey, len(op.PrimaryKey))
		}
	}
	return nil
}

// flushOperations drops everything that the storage keeps for the import key.
func (s *server) flushOperations(w http.ResponseWriter, r *http.Request, i chferry.Import) error {
	query, err := readQuery(r)
	if err != nil {
		return err
	}
	if query.Get("confirm") != string(i.Key) {
		return refuse(http.StatusBadRequest,
			fmt.Sprintf("flushing drops everything kept for %s, also what was not synced: confirm it with ?confirm=%s",
				i.Key, i.Key))
	}
	ctx, cancel := context.WithTimeout(r.Context(), storageTimeout)
	defer cancel()
	if err = s.Administrator.Flush(ctx, i.Key); err != nil {
		return fmt.Errorf("flush %s: %w", i.Key, err)
	}
	s.Log.WarnContext(r.Context(), "flushed", "import_key", i.Key)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
