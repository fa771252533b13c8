package redis

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// FailedOperations implements storage.FailedOperations.
func (s *Storage) FailedOperations(
	ctx context.Context, key chferry.ImportKey,
) iter.Seq2[[]chferry.FailedOperation, error] {
	return func(yield func([]chferry.FailedOperation, error) bool) {
		for page, err := range s.failures(ctx, key) {
			var failed []chferry.FailedOperation
			for _, f := range page {
				failed = append(failed, f.FailedOperation)
			}
			if !yield(failed, err) || err != nil {
				return
			}
		}
	}
}

// storedFailure is a failed operation with its field and value in Redis.
type storedFailure struct {
	chferry.FailedOperation
	field, value string
}

// failures yields the failed operations page by page.
func (s *Storage) failures(ctx context.Context, key chferry.ImportKey) iter.Seq2[[]storedFailure, error] {
	return func(yield func([]storedFailure, error) bool) {
		if err := s.tidy(ctx, key, "read failed operations"); err != nil {
			yield(nil, err)
			return
		}
		reasons := map[string]string{}
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			pairs, next, err := s.client.HScan(ctx, s.keys(key).failed, cursor, "", setAsidePage).Result()
			if err != nil {
				yield(nil, s.translate(err, "read failed operations"))
				return
			}
			page, err := s.readFailures(ctx, key, pairs, reasons)
			if len(page) > 0 || err != nil {
				if !yield(page, err) || err != nil {
					return
				}
			}
			cursor = next
		}
	}
}

// readFailures reads fields and values, which alternate. reasons are the texts that are known already.
func (s *Storage) readFailures(ctx context.Context, key chferry.ImportKey, pairs []string,
	reasons map[string]string,
) ([]storedFailure, error) {
	page := make([]storedFailure, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		ops, err := decode(nil, pairs[i])
		var f failure
		if err != nil || len(ops) != 1 || json.Unmarshal([]byte(pairs[i+1]), &f) != nil {
			return nil, malformed(key, "a failed operation")
		}
		if f.Because != "" {
			if f.Reason, err = s.reasonText(ctx, key, f.Because, reasons); err != nil {
				return nil, err
			}
		}
		op := ops[0]
		op.Kind = f.Kind
		page = append(page, storedFailure{field: pairs[i], value: pairs[i+1], FailedOperation: chferry.FailedOperation{
			Operation: op, Reason: f.Reason, Attempts: f.Attempts,
			First: time.UnixMilli(f.First).UTC(), Last: time.UnixMilli(f.Last).UTC(),
		}})
	}
	return page, nil
}

// reasonText returns a reason's text. It is empty if all failed operations have gone meanwhile.
func (s *Storage) reasonText(ctx context.Context, key chferry.ImportKey, because string,
	reasons map[string]string,
) (string, error) {
	if text, ok := reasons[because]; ok {
		return text, nil
	}
	text, err := s.client.HGet(ctx, s.keys(key).reasons, because).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", s.translate(err, "read failed operations")
	}
	reasons[because] = text
	return text, nil
}

//go:embed retry.lua
var retryLua string

var retryScript = redis.NewScript(retryLua)

// RetryFailed implements storage.FailedOperations. It goes page by page: should it be interrupted,
// each operation is either failed or registered.
func (s *Storage) RetryFailed(ctx context.Context, key chferry.ImportKey) (int, error) {
	if err := s.own(ctx, key); err != nil {
		return 0, err
	}
	k, total := s.keys(key), 0
	for page, err := range s.failures(ctx, key) {
		if err != nil {
			return total, err
		}
		args := make([]any, 0, 3*len(page))
		for _, f := range page {
			args = append(args, encode(nil, []chferry.Operation{f.Operation}), f.field, f.value)
		}
		_, rest, err := s.run(ctx, "retry failed operations", retryScript,
			[]string{k.state, k.queue, k.failed, k.retried, k.reasons}, args...)
		if err != nil {
			return total, err
		}
		total += int(integer(rest[0]))
	}
	return total, nil
}

//go:embed forget.lua
var forgetLua string

var forgetScript = redis.NewScript(forgetLua)

// DiscardFailed implements storage.FailedOperations.
func (s *Storage) DiscardFailed(ctx context.Context, key chferry.ImportKey) (int, error) {
	if err := s.own(ctx, key); err != nil {
		return 0, err
	}
	return s.forget(ctx, key, []any{"", "", ""}, func(page []chferry.Operation) ([]bool, error) {
		return slices.Repeat([]bool{true}, len(page)), nil
	})
}

// ForgetImported implements storage.Syncer.
func (s *Storage) ForgetImported(ctx context.Context, key chferry.ImportKey, by storage.Attempt,
	imported func([]chferry.Operation) ([]bool, error),
) error {
	n, err := s.client.HLen(ctx, s.keys(key).failed).Result()
	if err != nil {
		return s.translate(err, "count failed operations")
	}
	if n > 0 {
		_, err = s.forget(ctx, key, []any{by.Token, by.BatchID, by.Number}, imported)
	}
	return err
}

// forget forgets the failed operations that are chosen, page by page, and returns how many.
func (s *Storage) forget(ctx context.Context, key chferry.ImportKey, by []any,
	chosen func([]chferry.Operation) ([]bool, error),
) (int, error) {
	k, total := s.keys(key), 0
	for page, err := range s.failures(ctx, key) {
		if err != nil {
			return total, err
		}
		ops := make([]chferry.Operation, len(page))
		for i, f := range page {
			ops[i] = f.Operation
		}
		chooses, err := chosen(ops)
		if err != nil {
			return total, err
		}
		args := slices.Clone(by)
		for i, f := range page {
			if chooses[i] {
				args = append(args, f.field, f.value)
			}
		}
		if len(args) == len(by) {
			continue
		}
		word, rest, err := s.run(ctx, "forget failed operations", forgetScript, []string{k.state, k.failed, k.reasons},
			args...)
		switch {
		case err != nil:
			return total, err
		case word == "superseded":
			return total, superseded(key)
		}
		total += int(integer(rest[0]))
	}
	return total, nil
}
