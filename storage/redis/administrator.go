package redis

import (
	"context"
	_ "embed"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// OperationsCount implements storage.Administrator.
func (s *Storage) OperationsCount(ctx context.Context, key chferry.ImportKey) (int64, error) {
	status, err := s.Status(ctx, key)
	if err != nil {
		return 0, err
	}
	return status[0].Pending + status[0].InFlight, nil
}

// LastSyncTime implements storage.Administrator. Redis keeps it in milliseconds.
func (s *Storage) LastSyncTime(ctx context.Context, key chferry.ImportKey) (time.Time, error) {
	ms, err := s.client.HGet(ctx, s.keys(key).state, "last_sync").Int64()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, s.translate(err, "read the last sync time")
	}
	return time.UnixMilli(ms).UTC(), nil
}

// SetLastSyncTime implements storage.Administrator.
func (s *Storage) SetLastSyncTime(ctx context.Context, key chferry.ImportKey, t time.Time) error {
	if err := s.client.HSet(ctx, s.keys(key).state, "last_sync", t.UnixMilli()).Err(); err != nil {
		return s.translate(err, "set the last sync time")
	}
	return nil
}

// statusFields are the fields of the state that make a status.
var statusFields = []string{
	"surplus", "batch_count", "last_sync", "version",
	"total_operations", "total_rows", "total_deletes", "total_coalesced", "total_failed", "schema",
}

// statusReplies are the answers about one import key.
type statusReplies struct {
	state  *redis.SliceCmd
	length *redis.IntCmd
	failed *redis.IntCmd
	ended  *redis.IntCmd
	oldest *redis.XMessageSliceCmd
}

// Status implements storage.Administrator.
func (s *Storage) Status(ctx context.Context, importKeys ...chferry.ImportKey) ([]chferry.Status, error) {
	if len(importKeys) == 0 {
		return nil, nil
	}
	replies := make([]statusReplies, len(importKeys))
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range importKeys {
			k := s.keys(key)
			replies[i] = statusReplies{
				state:  pipe.HMGet(ctx, k.state, statusFields...),
				length: pipe.XLen(ctx, k.queue),
				failed: pipe.HLen(ctx, k.failed),
				ended:  pipe.HLen(ctx, k.ended),
				oldest: pipe.XRangeN(ctx, k.queue, "-", "+", 1),
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.translate(err, "read the status")
	}
	statuses := make([]chferry.Status, len(importKeys))
	for i := range replies {
		statuses[i] = replies[i].status()
	}
	return statuses, nil
}

func (r statusReplies) status() chferry.Status {
	numbers := make([]int64, len(statusFields))
	for i, field := range r.state.Val() {
		text, _ := field.(string)
		numbers[i], _ = strconv.ParseInt(text, 10, 64) // absent: 0
	}
	schema, _ := r.state.Val()[len(statusFields)-1].(string)
	status := chferry.Status{
		Schema:   schema,
		Pending:  r.length.Val() + numbers[0] - numbers[1],
		InFlight: numbers[1],
		Failed:   r.failed.Val() + r.ended.Val(),
		Version:  uint64(numbers[3]),
		Totals: chferry.Outcome{
			Operations: numbers[4], Rows: numbers[5], Deletes: numbers[6], Coalesced: numbers[7], Failed: numbers[8],
		},
	}
	if numbers[2] != 0 {
		status.LastSync = time.UnixMilli(numbers[2]).UTC()
	}
	for _, entry := range r.oldest.Val() {
		ms, _, _ := strings.Cut(entry.ID, "-")
		registered, _ := strconv.ParseInt(ms, 10, 64)
		status.OldestPending = time.UnixMilli(registered).UTC()
	}
	return status
}

//go:embed remember.lua
var rememberLua string

var rememberScript = redis.NewScript(rememberLua)

// RememberIdentity implements storage.Administrator.
func (s *Storage) RememberIdentity(ctx context.Context, key chferry.ImportKey, database, identity string) (string, error) {
	_, rest, err := s.run(ctx, "remember the source", rememberScript, []string{s.keys(key).state}, identityField(database), identity)
	if err != nil {
		return "", err
	}
	remembered, _ := rest[0].(string)
	return remembered, nil
}

// ReplaceIdentity implements storage.Administrator.
func (s *Storage) ReplaceIdentity(ctx context.Context, key chferry.ImportKey, database, identity string) error {
	if err := s.client.HSet(ctx, s.keys(key).state, identityField(database), identity).Err(); err != nil {
		return s.translate(err, "remember the source")
	}
	return nil
}

// NoteSchema implements storage.Administrator.
func (s *Storage) NoteSchema(ctx context.Context, key chferry.ImportKey, schema []string) error {
	state, text := s.keys(key).state, strings.Join(schema, "\n")
	var err error
	if text == "" {
		err = s.client.HDel(ctx, state, "schema").Err()
	} else {
		err = s.client.HSet(ctx, state, "schema", text).Err()
	}
	if err != nil {
		return s.translate(err, "note the schema")
	}
	return nil
}

func identityField(database string) string { return "identity:" + database }

//go:embed flush.lua
var flushLua string

var flushScript = redis.NewScript(flushLua)

// Flush implements storage.Administrator.
func (s *Storage) Flush(ctx context.Context, importKeys ...chferry.ImportKey) error {
	if len(importKeys) == 0 {
		var err error
		if importKeys, err = s.kept(ctx); err != nil {
			return err
		}
	}
	for _, key := range importKeys {
		if _, _, err := s.run(ctx, "flush", flushScript, s.keys(key).all()); err != nil {
			return err
		}
	}
	return nil
}

var globEscaper = strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`)

// kept returns all import keys that Redis holds something of.
func (s *Storage) kept(ctx context.Context) ([]chferry.ImportKey, error) {
	before := s.opts.Prefix + ":{"
	var mu sync.Mutex // a cluster's nodes are scanned at the same time
	found := map[chferry.ImportKey]bool{}
	scan := func(ctx context.Context, node *redis.Client) error {
		keys := node.Scan(ctx, 0, globEscaper.Replace(before)+"*}:*", 1_000).Iterator()
		for keys.Next(ctx) {
			key, _, _ := strings.Cut(strings.TrimPrefix(keys.Val(), before), "}:")
			mu.Lock()
			found[chferry.ImportKey(key)] = true
			mu.Unlock()
		}
		return keys.Err()
	}
	var err error
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, scan)
	case *redis.Client:
		err = scan(ctx, client)
	default:
		return nil, chferry.Errorf(chferry.CodeConfiguration, "flush: name the import keys: this Redis client can't list them")
	}
	if err != nil {
		return nil, s.translate(err, "list import keys")
	}
	return slices.Collect(maps.Keys(found)), nil
}
