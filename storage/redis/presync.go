package redis

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed presync.lua
var preSyncLua string

var preSyncScript = redis.NewScript(epochLua + preSyncLua)

// PreSync implements storage.Syncer.
func (s *Storage) PreSync(ctx context.Context, key chferry.ImportKey,
	opts storage.PreSyncOptions,
) (storage.Start, error) {
	if opts.Lease == 0 {
		opts.Lease = chferry.DefaultLease
	}
	start, holder, err := s.preSync(ctx, key, opts, "")
	if holder != "" && opts.Closed != nil && opts.Closed(ctx, holder) {
		// The script compares the holder again: it may have changed since.
		start, holder, err = s.preSync(ctx, key, opts, holder)
	}
	if err == nil && holder != "" {
		err = chferry.Errorf(chferry.CodeClaimed, "import key %s is being synced by another run", key)
	}
	return start, err
}

// preSync asks for the claim until it is decided. closed is a claimant that is known to have ended.
func (s *Storage) preSync(ctx context.Context, key chferry.ImportKey, opts storage.PreSyncOptions,
	closed string,
) (start storage.Start, holder string, err error) {
	k, epoch := s.keys(key), ""
	for {
		word, rest, err := s.run(ctx, "start a sync", preSyncScript, []string{k.state, k.queue, k.ended},
			opts.Token, opts.Lease.Milliseconds(), opts.Settle.Milliseconds(), closed, epoch, s.owner(key))
		if err != nil {
			return storage.Start{}, "", err
		}
		switch word {
		case "untidy":
			if err := s.tidy(ctx, key, "start a sync"); err != nil {
				return storage.Start{}, "", err
			}
		case "moved":
			epoch, _ = rest[0].(string)
		case "claimed":
			holder, _ = rest[0].(string)
			return storage.Start{}, holder, nil
		case "foreign":
			owner, _ := rest[0].(string)
			return storage.Start{}, "", s.foreign(key, owner)
		case "started":
			return storage.Start{Claimed: true, Pending: integer(rest[0]), TakenOver: integer(rest[1]) == 1}, "", nil
		default:
			return storage.Start{Pending: integer(rest[0])}, "", nil
		}
	}
}

// integer returns an integer of a script's reply.
func integer(reply any) int64 {
	n, _ := reply.(int64)
	return n
}

//go:embed extend.lua
var extendLua string

var extendScript = redis.NewScript(extendLua)

// ExtendLease implements storage.Syncer.
func (s *Storage) ExtendLease(ctx context.Context, key chferry.ImportKey, token string, lease time.Duration) error {
	word, _, err := s.run(ctx, "extend the lease", extendScript, []string{s.keys(key).state}, token,
		lease.Milliseconds())
	if err != nil {
		return err
	}
	if word == "superseded" {
		return superseded(key)
	}
	return nil
}

//go:embed postsyncfailed.lua
var postSyncFailedLua string

var postSyncFailedScript = redis.NewScript(epochLua + postSyncFailedLua)

// PostSyncFailed implements storage.Syncer.
func (s *Storage) PostSyncFailed(ctx context.Context, key chferry.ImportKey, token string) error {
	for epoch := ""; ; {
		word, rest, err := s.run(ctx, "end a failed sync", postSyncFailedScript, []string{s.keys(key).state}, token,
			epoch)
		if err != nil {
			return err
		}
		switch word {
		case "moved":
			epoch, _ = rest[0].(string)
		case "superseded":
			return superseded(key)
		default:
			return nil
		}
	}
}
