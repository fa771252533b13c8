package redis

import (
	"context"
	_ "embed"
	"encoding/json"
	"iter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// FailedOperations implements storage.FailedOperations.
func (s *Storage) FailedOperations(ctx context.Context, key chferry.ImportKey) iter.Seq2[[]chferry.FailedOperation, error] {
	return func(yield func([]chferry.FailedOperation, error) bool) {
		for pairs, err := range s.failedPages(ctx, key) {
			var failed []chferry.FailedOperation
			if err == nil {
				failed, err = failedOperations(key, pairs)
			}
			if !yield(failed, err) || err != nil {
				return
			}
		}
	}
}

// failedPages yields fields and values of the failed operations, alternating.
func (s *Storage) failedPages(ctx context.Context, key chferry.ImportKey) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if err := s.tidy(ctx, key); err != nil {
			yield(nil, err)
			return
		}
		var cursor uint64
		for first := true; first || cursor != 0; first = false {
			pairs, next, err := s.client.HScan(ctx, s.keys(key).failed, cursor, "", setAsidePage).Result()
			if err != nil {
				yield(nil, s.translate(err, "read failed operations"))
				return
			}
			if len(pairs) > 0 && !yield(pairs, nil) {
				return
			}
			cursor = next
		}
	}
}

func failedOperations(key chferry.ImportKey, pairs []string) ([]chferry.FailedOperation, error) {
	failed := make([]chferry.FailedOperation, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		ops, err := decode(nil, pairs[i])
		var f failure
		if err != nil || len(ops) != 1 || json.Unmarshal([]byte(pairs[i+1]), &f) != nil {
			return nil, malformed(key, "a failed operation")
		}
		op := ops[0]
		op.Kind = f.Kind
		failed = append(failed, chferry.FailedOperation{
			Operation: op, Reason: f.Reason, Attempts: f.Attempts,
			First: time.UnixMilli(f.First).UTC(), Last: time.UnixMilli(f.Last).UTC(),
		})
	}
	return failed, nil
}

//go:embed retry.lua
var retryLua string

var retryScript = redis.NewScript(retryLua)

// RetryFailed implements storage.FailedOperations. It goes page by page: should it be interrupted, each operation is either
// failed or registered.
func (s *Storage) RetryFailed(ctx context.Context, key chferry.ImportKey) (int, error) {
	total := 0
	for pairs, err := range s.failedPages(ctx, key) {
		if err != nil {
			return total, err
		}
		n, err := s.retry(ctx, key, pairs)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *Storage) retry(ctx context.Context, key chferry.ImportKey, pairs []string) (int, error) {
	failed, err := failedOperations(key, pairs)
	if err != nil {
		return 0, err
	}
	args := make([]any, 0, 3*len(failed))
	for i, f := range failed {
		args = append(args, encode(nil, []chferry.Operation{f.Operation}), pairs[2*i], pairs[2*i+1])
	}
	k := s.keys(key)
	_, rest, err := s.run(ctx, "retry failed operations", retryScript, []string{k.state, k.queue, k.failed, k.retried}, args...)
	if err != nil {
		return 0, err
	}
	return int(integer(rest[0])), nil
}

//go:embed discard.lua
var discardLua string

var discardScript = redis.NewScript(discardLua)

// DiscardFailed implements storage.FailedOperations.
func (s *Storage) DiscardFailed(ctx context.Context, key chferry.ImportKey) (int, error) {
	if err := s.tidy(ctx, key); err != nil {
		return 0, err
	}
	_, rest, err := s.run(ctx, "discard failed operations", discardScript, []string{s.keys(key).failed})
	if err != nil {
		return 0, err
	}
	return int(integer(rest[0])), nil
}
