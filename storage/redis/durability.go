package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// Durability is what must have kept a registration, beside the primary's memory, before it is
// acknowledged. The zero value asks for nothing more than the server's own settings give.
//
// It bounds what is lost, it does not undo: a registration that is not kept widely enough in time fails with
// chferry.CodeUnavailable, but the primary has it and it may be synced; registering it again does no harm.
type Durability struct {
	// Replicas is how many replicas must have it (WAIT).
	Replicas int
	// AOF asks that the append-only files of the primary and of Replicas have it on disk (WAITAOF, Redis 7.2).
	AOF bool
	// Timeout is how long to wait for that; 0 means [DefaultDurabilityTimeout], or [DefaultAOFTimeout] with AOF.
	Timeout time.Duration
}

// How long a registration waits to be kept. Under appendfsync everysec an fsync is up to a second
// away, and takes its time.
const (
	DefaultDurabilityTimeout = time.Second
	DefaultAOFTimeout        = 3 * time.Second
)

func (d Durability) timeout() time.Duration {
	switch {
	case d.Timeout > 0:
		return d.Timeout
	case d.AOF:
		return DefaultAOFTimeout
	default:
		return DefaultDurabilityTimeout
	}
}

func (d Durability) waits() bool { return d.AOF || d.Replicas > 0 }

// wait asks for what was sent before on the same connection; nil means that nothing is asked for.
func (d Durability) wait(ctx context.Context, pipe redis.Pipeliner) *redis.Cmd {
	switch {
	case d.AOF:
		return pipe.Do(ctx, "WAITAOF", 1, d.Replicas, d.timeout().Milliseconds())
	case d.Replicas > 0:
		return pipe.Do(ctx, "WAIT", d.Replicas, d.timeout().Milliseconds())
	default:
		return nil
	}
}

// kept returns why the reply to wait does not say what was asked for.
func (d Durability) kept(reply *redis.Cmd) error {
	if reply == nil {
		return nil
	}
	if err := reply.Err(); d.AOF && err != nil && strings.HasPrefix(err.Error(), "ERR ") {
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"the operations were registered, but Redis can't tell whether they are on disk: WAITAOF needs Redis 7.2 "+
				"with appendonly yes")
	}
	local, replicas, err := d.counts(reply)
	if err != nil {
		return err
	}
	if local > 0 && replicas >= int64(d.Replicas) {
		return nil
	}
	where := fmt.Sprintf("%d of %d replicas", replicas, d.Replicas)
	if local == 0 {
		where += " and not by the primary's append-only file"
	}
	return chferry.Errorf(chferry.CodeUnavailable,
		"the operations were registered, but after %s they are kept by %s: register them again", d.timeout(), where)
}

// counts returns how many append-only files of the primary, 0 or 1, and how many replicas have what was sent.
func (d Durability) counts(reply *redis.Cmd) (local, replicas int64, err error) {
	if !d.AOF {
		replicas, err = reply.Int64()
		return 1, replicas, err
	}
	counts, err := reply.Int64Slice()
	if err == nil && len(counts) != 2 {
		err = errors.New("the reply to WAITAOF can't be read")
	}
	if err != nil {
		return 0, 0, err
	}
	return counts[0], counts[1], nil
}
