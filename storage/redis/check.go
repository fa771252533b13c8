package redis

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// Ping returns nil if Redis answers.
func (s *Storage) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.translate(err, "ping")
	}
	return nil
}

// probes are how many keys CheckWritable writes in a cluster, so that each of its servers most likely gets one.
const probes = 64

// CheckWritable returns nil if Redis takes a write now, or else the error that registering would
// give: out of memory, a read-only replica, too few replicas, a disk that is full. It leaves a key
// of a few bytes for a second.
func (s *Storage) CheckWritable(ctx context.Context) error {
	keys := []string{s.opts.Prefix + ":writable"}
	if _, cluster := s.client.(*redis.ClusterClient); cluster {
		keys = keys[:0]
		for i := range probes {
			keys = append(keys, fmt.Sprintf("%s:writable:%d", s.opts.Prefix, i))
		}
	}
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, key := range keys {
			pipe.Set(ctx, key, 1, time.Second)
		}
		return nil
	})
	if err != nil {
		return s.translate(err, "write")
	}
	return nil
}

// Check returns nil if Redis answers, takes writes and keeps what it is given: CodeConfiguration if
// it evicts queued operations when memory runs out, or if it can't give the durability that
// registrations are to wait for.
func (s *Storage) Check(ctx context.Context) error {
	info, err := s.client.InfoMap(ctx, "server", "memory", "persistence", "replication").Result()
	if err != nil {
		return s.translate(err, "check")
	}
	if info["Server"]["redis_mode"] == "sentinel" {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s is a Sentinel, which keeps no data: name the primary itself in redis.url", s.addr)
	}
	// Nothing of chferry's that matters expires, so the policies that evict only what does are as good as noeviction.
	if policy := info["Memory"]["maxmemory_policy"]; strings.HasPrefix(policy, "allkeys-") {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s has maxmemory-policy %s, which drops queued operations when memory runs out: set it to "+
				"noeviction", s.addr, policy)
	}
	if err := s.checkDurability(ctx, info); err != nil {
		return err
	}
	return s.CheckWritable(ctx)
}

func (s *Storage) checkDurability(ctx context.Context, info map[string]map[string]string) error {
	if s.opts.Durability.AOF {
		if err := s.checkWaitAOF(ctx, info["Persistence"]["aof_enabled"]); err != nil {
			return err
		}
	}
	want := s.opts.Durability.Replicas
	if replicas, err := strconv.Atoi(info["Replication"]["connected_slaves"]); err == nil && replicas < want {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s has %s, registrations wait for %d: connect them, or lower redis.durability.replicas",
			s.addr, counted(replicas, "replica"), want)
	}
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// fsyncPeriod is how long a registration may wait for its fsync under appendfsync everysec: one
// fsync begins a second after the last one began, and takes its time.
const fsyncPeriod = 2 * time.Second

func (s *Storage) checkWaitAOF(ctx context.Context, enabled string) error {
	commands, err := s.client.CommandList(ctx, nil).Result()
	if err != nil {
		return s.translate(err, "check")
	}
	known := false
	for _, command := range commands {
		known = known || command == "waitaof"
	}
	if !known || enabled == "0" {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s can't say when a registration is on disk: WAITAOF needs Redis 7.2 with appendonly yes; give "+
				"it that, or unset redis.durability.aof", s.addr)
	}
	// A server that does not tell its configuration is taken at its word.
	settings, err := s.client.ConfigGet(ctx, "appendfsync").Result()
	if err == nil && settings["appendfsync"] == "everysec" && s.opts.Durability.timeout() < fsyncPeriod {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s has appendfsync everysec, so a registration waits for its fsync for more than a second: "+
				"raise redis.durability.timeout to %s or more, or set appendfsync always", s.addr, fsyncPeriod)
	}
	return nil
}
