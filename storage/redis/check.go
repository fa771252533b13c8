package redis

import (
	"context"
	"strconv"

	"github.com/chferry/chferry"
)

// Ping returns nil if Redis answers.
func (s *Storage) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.translate(err, "ping")
	}
	return nil
}

// Check returns nil if Redis answers and keeps what it is given: CodeConfiguration if it evicts keys when memory runs out,
// or if it can't give the durability that registrations are to wait for.
func (s *Storage) Check(ctx context.Context) error {
	info, err := s.client.InfoMap(ctx, "memory", "persistence", "replication").Result()
	if err != nil {
		return s.translate(err, "check")
	}
	if policy := info["Memory"]["maxmemory_policy"]; policy != "" && policy != "noeviction" {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s has maxmemory-policy %s, which drops queued operations when memory runs out: set it to noeviction", s.addr, policy)
	}
	if s.opts.Durability.AOF {
		if err := s.checkWaitAOF(ctx, info["Persistence"]["aof_enabled"]); err != nil {
			return err
		}
	}
	want := s.opts.Durability.Replicas
	if replicas, err := strconv.Atoi(info["Replication"]["connected_slaves"]); err == nil && replicas < want {
		return chferry.Errorf(chferry.CodeConfiguration,
			"Redis at %s has %d replicas, registrations wait for %d: connect them, or lower redis.durability.replicas", s.addr, replicas, want)
	}
	return nil
}

func (s *Storage) checkWaitAOF(ctx context.Context, enabled string) error {
	commands, err := s.client.CommandList(ctx, nil).Result()
	if err != nil {
		return s.translate(err, "check")
	}
	for _, command := range commands {
		if command == "waitaof" && enabled != "0" {
			return nil
		}
	}
	return chferry.Errorf(chferry.CodeConfiguration,
		"Redis at %s can't say when a registration is on disk: WAITAOF needs Redis 7.2 with appendonly yes; give it that, or unset redis.durability.aof", s.addr)
}
