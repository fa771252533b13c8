package redis

import (
	"context"
	"iter"
	"strconv"

	"github.com/chferry/chferry"
)

// usualPage is about how many operations a page holds.
const usualPage = 32_000

// BatchOperations implements storage.Syncer. The batch is the head of the queue up to the entry
// that the claim ended at.
func (s *Storage) BatchOperations(ctx context.Context, key chferry.ImportKey, token string,
	batch chferry.Batch,
) iter.Seq2[[]chferry.Operation, error] {
	return func(yield func([]chferry.Operation, error) bool) {
		claimed, err := s.claimed(ctx, key, token, batch)
		if err != nil {
			yield(nil, err)
			return
		}
		remaining, skip := batch.Count, claimed.skip
		buf := make([]chferry.Operation, 0, min(batch.Count, usualPage))
		for page, err := range s.pages(ctx, key, claimed.last) {
			if err != nil {
				yield(nil, err)
				return
			}
			ops, err := operations(buf[:0], key, page)
			if err != nil {
				yield(nil, err)
				return
			}
			buf = ops
			ops = ops[min(skip, len(ops)):]
			ops = ops[:min(remaining, len(ops))]
			remaining -= len(ops)
			skip = 0
			if remaining == 0 {
				yield(s.ifClaimed(ctx, key, token, batch, ops))
				return
			}
			if len(ops) > 0 && !yield(ops, nil) {
				return
			}
		}
		yield(nil, s.missing(ctx, key, token, batch, remaining))
	}
}

// ifClaimed returns a batch's last page if the batch still is the token's. If another sync has
// removed it meanwhile, the entry at which it was cut, which stays, may have been read from its
// wrong end.
func (s *Storage) ifClaimed(ctx context.Context, key chferry.ImportKey, token string, batch chferry.Batch,
	ops []chferry.Operation,
) ([]chferry.Operation, error) {
	if _, err := s.claimed(ctx, key, token, batch); err != nil {
		return nil, err
	}
	return ops, nil
}

// operations appends the operations of a page to ops.
func operations(ops []chferry.Operation, key chferry.ImportKey, page []entry) ([]chferry.Operation, error) {
	for _, e := range page {
		var err error
		if ops, err = decode(ops, e.value); err != nil {
			return nil, malformed(key, "queue entry "+e.id)
		}
	}
	return ops, nil
}

// claimedRange is the part of the queue that a batch is.
type claimedRange struct {
	last string // ID of the last entry
	skip int    // operations of the first entry that an earlier batch had
}

// claimed returns the batch's range if the batch still is the token's.
func (s *Storage) claimed(ctx context.Context, key chferry.ImportKey, token string,
	batch chferry.Batch,
) (claimedRange, error) {
	fields, err := s.client.HMGet(ctx, s.keys(key).state, "token", "batch", "batch_last", "skip").Result()
	if err != nil {
		return claimedRange{}, s.translate(err, "read the claim")
	}
	if fields[0] != token || fields[1] != batch.ID {
		return claimedRange{}, superseded(key)
	}
	last, _ := fields[2].(string)
	skipText, _ := fields[3].(string)
	skip, _ := strconv.Atoi(skipText) // absent: 0
	return claimedRange{last: last, skip: skip}, nil
}

// missing says why a batch has fewer operations than were claimed: mostly because another sync has
// removed it meanwhile.
func (s *Storage) missing(ctx context.Context, key chferry.ImportKey, token string, batch chferry.Batch,
	remaining int,
) error {
	if _, err := s.claimed(ctx, key, token, batch); err != nil {
		return err
	}
	return chferry.Errorf(chferry.CodeUnknown,
		"import key %s: %d of %d claimed operations are gone from Redis, though nobody but a sync may remove them: "+
			"flush the key and sync the whole table", key, remaining, batch.Count)
}
