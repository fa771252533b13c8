package redis

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed postsync.lua
var postSyncLua string

var postSyncScript = redis.NewScript(postSyncLua)

// PostSync implements storage.Syncer. It trims the stream to the end of the claim: an operation that was registered since then,
// for whichever row, stands behind it and stays.
func (s *Storage) PostSync(ctx context.Context, key chferry.ImportKey, opts storage.PostSyncOptions) (storage.End, error) {
	k := s.keys(key)
	o := opts.Outcome
	word, rest, err := s.run(ctx, "remove a batch", postSyncScript, k.all(),
		opts.Token, opts.BatchID, opts.Last, o.Operations, o.Rows, o.Deletes, o.Coalesced, o.Failed)
	if err != nil {
		return storage.End{}, err
	}
	if word == "superseded" {
		return storage.End{}, superseded(key)
	}
	end := storage.End{Remaining: integer(rest[0]), Repeated: word == "repeated"}
	if s.opts.PostBatchRemoved != nil && !end.Repeated {
		s.opts.PostBatchRemoved(key, o.Operations, end.Remaining)
	}
	return end, nil
}
