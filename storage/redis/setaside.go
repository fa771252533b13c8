package redis

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed setaside.lua
var setAsideLua string

var setAsideScript = redis.NewScript(setAsideLua)

// A script call notes at most so many operations, so that it does not hold up other clients.
const setAsidePage = 500

// failure is the value of a failed operation, whose field is the encoded operation without its kind. Times are
// milliseconds since 1970.
type failure struct {
	Kind   chferry.Kind `json:"kind"`
	Reason string       `json:"reason,omitempty"` // until the batch has ended
	// Because is, once the batch has ended, the field of the reason's text in the hash of reasons.
	Because  string `json:"because,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	First    int64  `json:"first,omitempty"`
	Last     int64  `json:"last,omitempty"`
}

// SetAside implements storage.Syncer.
func (s *Storage) SetAside(ctx context.Context, key chferry.ImportKey, by storage.Attempt,
	failed []chferry.FailedOperation,
) error {
	for first := true; first || len(failed) > 0; first = false {
		n := min(len(failed), setAsidePage)
		if err := s.setAside(ctx, key, by, failed[:n]); err != nil {
			return err
		}
		failed = failed[n:]
	}
	return nil
}

func (s *Storage) setAside(ctx context.Context, key chferry.ImportKey, by storage.Attempt,
	failed []chferry.FailedOperation,
) error {
	args := []any{by.Token, by.BatchID, by.Number}
	for _, f := range failed {
		value, err := json.Marshal(failure{Kind: f.Kind, Reason: f.Reason})
		if err != nil {
			return fmt.Errorf("encode a failed operation: %w", err)
		}
		args = append(args, failedField(f.Operation), value)
	}
	k := s.keys(key)
	word, _, err := s.run(ctx, "set operations aside", setAsideScript, []string{k.state, k.aside}, args...)
	switch {
	case err != nil:
		return err
	case word == "superseded":
		return superseded(key)
	case word == "overtaken":
		return chferry.Errorf(chferry.CodeSuperseded, "import key %s: a later attempt at this step has begun", key)
	default:
		return nil
	}
}

// failedField is the same for all operations on one row.
func failedField(op chferry.Operation) []byte {
	op.Kind = chferry.Update
	return encode(nil, []chferry.Operation{op})
}
