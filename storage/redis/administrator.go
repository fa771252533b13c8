package redis

import (
	"context"
	_ "embed"
	"errors"
	"maps"
	"slices"
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

//go:embed flush.lua
var flushLua string

var flushScript = redis.NewScript(epochLua + flushLua)

// Flush implements storage.Administrator.
func (s *Storage) Flush(ctx context.Context, importKeys ...chferry.ImportKey) error {
	if len(importKeys) == 0 {
		var err error
		if importKeys, err = s.kept(ctx); err != nil {
			return err
		}
	}
	for _, key := range importKeys {
		if err := s.flush(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

func (s *Storage) flush(ctx context.Context, key chferry.ImportKey) error {
	if err := s.own(ctx, key); err != nil {
		return err
	}
	for epoch := ""; ; {
		word, rest, err := s.run(ctx, "flush", flushScript, s.keys(key).all(), epoch)
		if err != nil || word == "flushed" {
			return err
		}
		epoch, _ = rest[0].(string)
	}
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
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"flush: name the import keys: this Redis client can't list them")
	}
	if err != nil {
		return nil, s.translate(err, "list import keys")
	}
	return slices.Collect(maps.Keys(found)), nil
}
