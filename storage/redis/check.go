package redis

import (
	"context"
	"strings"

	"github.com/chferry/chferry"
)

// Ping returns nil if Redis answers.
func (s *Storage) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return s.translate(err, "ping")
	}
	return nil
}

// Check returns nil if Redis answers and keeps what it is given: CodeConfiguration if it evicts keys when memory runs out.
func (s *Storage) Check(ctx context.Context) error {
	info, err := s.client.Info(ctx, "memory").Result()
	if err != nil {
		return s.translate(err, "check")
	}
	for line := range strings.Lines(info) {
		policy, found := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
		if found && policy != "noeviction" {
			return chferry.Errorf(chferry.CodeConfiguration,
				"Redis at %s has maxmemory-policy %s, which drops queued operations when memory runs out: set it to noeviction", s.addr, policy)
		}
	}
	return nil
}
