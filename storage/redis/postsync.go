package redis

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed tidy.lua
var tidyLua string

//go:embed postsync.lua
var postSyncLua string

var (
	postSyncScript = redis.NewScript(epochLua + tidyLua + postSyncLua)
	tidyScript     = redis.NewScript(tidyLua + "return {'tidied', tidy()}")
)

// PostSync implements storage.Syncer. It ends the batch in one atomic step; then the stream is
// trimmed to the end of the claim: an operation that was registered since then, for whichever row,
// stands behind it and stays. Should that be cut short, the next claim goes on with it.
func (s *Storage) PostSync(ctx context.Context, key chferry.ImportKey,
	opts storage.PostSyncOptions,
) (storage.End, error) {
	k := s.keys(key)
	o := opts.Counts
	word, rest, err := s.run(ctx, "remove a batch", postSyncScript, append(k.tidied(), k.aside),
		opts.Token, opts.BatchID, opts.Last, ends(opts), o.Operations, o.Rows, o.Deletes, o.Coalesced, o.Failed,
		opts.Replacement)
	if err != nil {
		return storage.End{}, err
	}
	switch word {
	case "superseded":
		return storage.End{}, superseded(key)
	case "replaced":
		return storage.End{}, chferry.Errorf(chferry.CodeReplaced, "import key %s: a job has begun to replace the "+
			"destination since the batch was imported: the batch is to be imported again", key)
	}
	end := storage.End{Remaining: integer(rest[0]), Repeated: word == "repeated"}
	if integer(rest[1]) == 1 {
		if err := s.tidy(ctx, key, "remove a batch"); err != nil {
			return storage.End{}, err
		}
	}
	if s.opts.PostBatchRemoved != nil && !end.Repeated {
		s.opts.PostBatchRemoved(key, o.Operations, end.Remaining)
	}
	return end, nil
}

// ends returns how a sync ends that ends with this batch.
func ends(opts storage.PostSyncOptions) string {
	if opts.Partial || opts.Counts.Failed > 0 {
		return "partial"
	}
	return "synced"
}

// tidy does what is left to do after the batch that ended last. doing is what cannot be done before that.
func (s *Storage) tidy(ctx context.Context, key chferry.ImportKey, doing string) error {
	for {
		_, rest, err := s.run(ctx, doing, tidyScript, s.keys(key).tidied())
		if err != nil || integer(rest[0]) == 0 {
			return err
		}
	}
}
