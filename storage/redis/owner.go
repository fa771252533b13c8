package redis

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// CheckOwner returns chferry.CodeConfiguration if the import key belongs to another installation than this storage's.
func (s *Storage) CheckOwner(ctx context.Context, key chferry.ImportKey) error {
	return s.own(ctx, key)
}

// OwnerOf returns the name of the installation that an import key belongs to, empty if nobody's, and whether Redis knows the key at all.
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

func (s *Storage) foreign(key chferry.ImportKey, owner string) error {
	return chferry.Errorf(chferry.CodeConfiguration,
		"import key %s in Redis at %s belongs to another chferry (%s; this one is %s): give this one a redis.prefix of its own, "+
			"or, if it is the same one moved, run chferry apply --take-over %s", key, s.addr, owner, s.owner(key), key)
}

func (s *Storage) owner(key chferry.ImportKey) string {
	if s.opts.Owner == nil {
		return ""
	}
	return s.opts.Owner(key)
}
