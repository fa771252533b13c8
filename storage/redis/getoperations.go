package redis

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed epoch.lua
var epochLua string

//go:embed claim.lua
var claimLua string

var claimScript = redis.NewScript(epochLua + versionLua + claimLua)

// GetOperations implements storage.Syncer. A queue that is no longer than the batch is claimed as
// it is; of a longer one, the entry at which the batch ends is looked for first, page by page, so
// that no script works for long. What was found counts only if the claim has not moved meanwhile:
// another attempt may have claimed the batch, and removed it.
func (s *Storage) GetOperations(ctx context.Context, key chferry.ImportKey,
	opts storage.GetOptions,
) (chferry.Batch, error) {
	if opts.Count <= 0 {
		opts.Count = chferry.DefaultBatchSize
	}
	if opts.ChunkSize <= 0 {
		opts.ChunkSize = opts.Count
	}
	c := claim{storage: s, key: key, opts: opts, want: opts.Count}
	if opts.Settle > 0 {
		c.want = 0
	}
	return c.run(ctx)
}

// claim is one call of GetOperations.
type claim struct {
	storage *Storage
	key     chferry.ImportKey
	opts    storage.GetOptions
	want    int
	floor   string
	epoch   string // in which the walk was; empty: not asked yet
	last    end    // that the walk found
}

// end is where a batch ends.
type end struct {
	entry string // ID of the last entry; "none" if no operation is old enough
	cut   int    // operations taken of the last entry; 0: all
	taken int    // operations up to there
}

func (c *claim) run(ctx context.Context) (chferry.Batch, error) {
	k := c.storage.keys(c.key)
	for {
		word, rest, err := c.storage.run(ctx, "claim a batch", claimScript, []string{k.state, k.queue, k.ended},
			c.opts.Token, c.want, c.opts.ChunkSize, c.floor, c.epoch, c.last.entry, c.last.cut, c.last.taken)
		if err != nil {
			return chferry.Batch{}, err
		}
		switch word {
		case "superseded":
			return chferry.Batch{}, superseded(c.key)
		case "none":
			return chferry.Batch{}, nil
		case "batch":
			return newBatch(rest)
		case "untidy":
			err = c.storage.tidy(ctx, c.key, "claim a batch")
		case "moved":
			c.epoch, _ = rest[0].(string)
			c.last = end{}
		case "floor":
			c.floor, err = askFloor(ctx, c.key, c.opts.Floor)
		case "walk":
			c.epoch, _ = rest[0].(string)
			err = c.walk(ctx, int(integer(rest[1])), integer(rest[2]))
		default:
			err = fmt.Errorf("claim a batch: unexpected reply %q", word)
		}
		if err != nil {
			return chferry.Batch{}, err
		}
	}
}

func newBatch(reply []any) (chferry.Batch, error) {
	version, err := readVersion(reply[0])
	if err != nil {
		return chferry.Batch{}, err
	}
	id := strconv.FormatUint(version, 10)
	return chferry.Batch{ID: id, Version: version, Count: int(integer(reply[1])), ChunkSize: int(integer(reply[2]))},
		nil
}

// walk finds the end of a batch of opts.Count operations; skip of the first entry's are gone already.
func (c *claim) walk(ctx context.Context, skip int, now int64) error {
	upTo := "+"
	if c.opts.Settle > 0 {
		upTo = strconv.FormatInt(now-c.opts.Settle.Milliseconds(), 10)
	}
	c.last = end{entry: "none"}
	taken := -skip
	for page, err := range c.storage.pages(ctx, c.key, upTo) {
		if err != nil {
			return err
		}
		for _, entry := range page {
			n, err := count(entry.value)
			if err != nil {
				return malformed(c.key, "queue entry "+entry.id)
			}
			taken += n
			c.last = end{entry: entry.id, taken: taken}
			if over := taken - c.opts.Count; over >= 0 {
				c.last.taken = c.opts.Count
				if over > 0 {
					c.last.cut = n - over
				}
				return nil
			}
		}
	}
	return nil
}
