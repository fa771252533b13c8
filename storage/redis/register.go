package redis

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

//go:embed register.lua
var registerLua string

var registerScript = redis.NewScript(registerLua)

// RegisterOperations implements storage.Registrar. However many operations there are, they are one entry of the stream. An
// entry counts as one operation by XLEN; the state's field "surplus" holds what must be added to that.
func (s *Storage) RegisterOperations(ctx context.Context, key chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	if err := key.Validate(); err != nil {
		return 0, err
	}
	if err := chferry.ValidateOperations(ops); err != nil {
		return 0, err
	}
	if len(ops) == 0 {
		return 0, nil
	}
	limit := s.maxPending(key)
	var err error
	if len(ops) == 1 && limit == 0 {
		err = s.append(ctx, key, ops)
	} else {
		err = s.appendCounted(ctx, key, ops, limit)
	}
	if err != nil {
		return 0, err
	}
	return len(ops), nil
}

func (s *Storage) maxPending(key chferry.ImportKey) int64 {
	if s.opts.MaxPending == nil {
		return 0
	}
	return s.opts.MaxPending(key)
}

// append registers one operation, which the stream counts by itself.
func (s *Storage) append(ctx context.Context, key chferry.ImportKey, ops []chferry.Operation) error {
	err := s.client.XAdd(ctx, &redis.XAddArgs{Stream: s.keys(key).queue, Values: []any{entryField, encode(nil, ops)}}).Err()
	if err != nil {
		return s.translate(err, "register operations")
	}
	return nil
}

// appendCounted registers operations in a script: a transaction would count them even where Redis refuses to append.
func (s *Storage) appendCounted(ctx context.Context, key chferry.ImportKey, ops []chferry.Operation, limit int64) error {
	k := s.keys(key)
	word, rest, err := s.run(ctx, "register operations", registerScript, []string{k.state, k.queue}, encode(nil, ops), len(ops), limit)
	if err != nil {
		return err
	}
	if word == "full" {
		return chferry.Errorf(chferry.CodeQueueFull,
			"import key %s has %v operations pending and may have %d: wait for syncs to drain it, or raise max_pending", key, rest[0], limit)
	}
	return nil
}
