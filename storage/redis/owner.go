package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// CheckOwner returns chferry.CodeConfiguration if the import key belongs to another installation than this storage's.
func (s *Storage) CheckOwner(ctx context.Context, key chferry.ImportKey) error {
	return s.own(ctx, key)
}

// OwnerOf returns the name of the installation that an import key belongs to, empty if nobody's,
// and whether Redis knows the key at all.
func (s *Storage) OwnerOf(ctx context.Context, key chferry.ImportKey) (owner string, known bool, err error) {
	n, err := s.client.Exists(ctx, s.keys(key).all()...).Result()
	if err != nil {
		return "", false, s.translate(err, "look for the import key")
	}
	owner, err = s.client.HGet(ctx, s.keys(key).state, "owner").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", false, s.translate(err, "read the owner")
	}
	return owner, n > 0, nil
}

// ReplaceOwner makes the import key this installation's, whoever's it was.
func (s *Storage) ReplaceOwner(ctx context.Context, key chferry.ImportKey) error {
	if err := s.client.HSet(ctx, s.keys(key).state, "owner", s.owner(key)).Err(); err != nil {
		return s.translate(err, "remember the owner")
	}
	return nil
}

// own returns an error unless the import key is this installation's, or nobody's yet.
func (s *Storage) own(ctx context.Context, key chferry.ImportKey) error {
	if s.owner(key) == "" {
		return nil
	}
	owner, err := s.client.HGet(ctx, s.keys(key).state, "owner").Result()
	switch {
	case errors.Is(err, redis.Nil):
		return nil
	case err != nil:
		return s.translate(err, "read the owner")
	case owner != s.owner(key):
		return s.foreign(key, owner)
	default:
		return nil
	}
}

// ownedFor is for how long an import key that was found to be ours is taken for ours without
// asking: registering is one round trip.
const ownedFor = time.Minute

// claimOwnership makes an import key that is nobody's this installation's, and returns an error if it is another one's.
func (s *Storage) claimOwnership(ctx context.Context, key chferry.ImportKey) error {
	owner := s.owner(key)
	if owner == "" {
		return nil
	}
	if asked, ok := s.owned.Load(key); ok && time.Since(asked.(time.Time)) < ownedFor {
		return nil
	}
	var found *redis.StringCmd
	_, err := s.client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		pipe.HSetNX(ctx, s.keys(key).state, "owner", owner)
		found = pipe.HGet(ctx, s.keys(key).state, "owner")
		return nil
	})
	switch {
	case err != nil:
		return s.translate(err, "register operations")
	case found.Val() != owner:
		return s.foreign(key, found.Val())
	}
	s.owned.Store(key, time.Now())
	return nil
}

func (s *Storage) foreign(key chferry.ImportKey, owner string) error {
	if s.opts.Foreign != nil {
		if err := s.opts.Foreign(key, s.addr, owner); err != nil {
			return err
		}
	}
	return chferry.Errorf(chferry.CodeConfiguration,
		"import key %s in Redis at %s belongs to another chferry (%s; this one is %s): give this one a redis.prefix "+
			"of its own, or, if it is the same one moved, run chferry apply --take-over %s",
		key, s.addr, owner, s.owner(key), key)
}

func (s *Storage) owner(key chferry.ImportKey) string {
	if s.opts.Owner == nil {
		return ""
	}
	return s.opts.Owner(key)
}
