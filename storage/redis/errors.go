package redis

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// replies maps the first word of Redis's error replies to what can be done about them.
var replies = map[string]struct {
	code chferry.Code
	mend string
}{
	"OOM":         {chferry.CodeUnavailable, "it is out of memory: raise maxmemory or let syncs drain the queue"},
	"READONLY":    {chferry.CodeUnavailable, "it is a read-only replica: connect to the primary"},
	"LOADING":     {chferry.CodeUnavailable, "it is loading its data: wait"},
	"BUSY":        {chferry.CodeUnavailable, "it is busy with somebody's script: wait, or SCRIPT KILL"},
	"MASTERDOWN":  {chferry.CodeUnavailable, "it is a replica that lost its primary"},
	"CLUSTERDOWN": {chferry.CodeUnavailable, "the cluster does not serve all slots"},
	"TRYAGAIN":    {chferry.CodeUnavailable, "the cluster is moving the slot: wait"},
	"NOREPLICAS":  {chferry.CodeUnavailable, "it lacks the replicas that min-replicas-to-write asks for"},
	"MISCONF":     {chferry.CodeUnavailable, "it can't save its data to disk and refuses writes: see its log"},
	"NOAUTH":      {chferry.CodeAccessDenied, "it asks for a password: set it in redis.url"},
	"WRONGPASS":   {chferry.CodeAccessDenied, "it refuses the user or password of redis.url"},
	"NOPERM":      {chferry.CodeAccessDenied, "the user of redis.url lacks a right: it needs all commands on the keys it is to use"},
	"WRONGTYPE":   {chferry.CodeConfiguration, "a key of chferry's holds something else: is the Redis shared with another application?"},
}

// translate makes err safe to show. Replies of Redis hold no operations, but the words after the first may hold a key.
func (s *Storage) translate(err error, doing string) error {
	var ours *chferry.Error
	if errors.As(err, &ours) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return chferry.WrapError(chferry.CodeUnavailable, err, "%s: cancelled", doing)
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		return chferry.WrapError(chferry.CodeUnavailable, err,
			"%s: Redis at %s does not answer (%s): start it or mend redis.url", doing, s.addr, reason(err))
	}
	word, _, _ := strings.Cut(reply.Error(), " ")
	if known, ok := replies[word]; ok {
		return chferry.WrapError(known.code, err, "%s: Redis at %s: %s", doing, s.addr, known.mend)
	}
	return chferry.WrapError(chferry.CodeUnknown, err, "%s: Redis at %s answers with the error %s", doing, s.addr, word)
}

// reason says in a few words why a server does not answer.
func reason(err error) string {
	text := err.Error()
	for _, known := range []string{"connection refused", "no such host", "connection reset", "broken pipe", "certificate", "EOF"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "timeout") {
		return "time-out"
	}
	return "network error"
}

func superseded(key chferry.ImportKey) error {
	return chferry.Errorf(chferry.CodeSuperseded, "import key %s was taken over by another sync, or flushed", key)
}

func malformed(key chferry.ImportKey, what string) error {
	return chferry.Errorf(chferry.CodeUnknown, "import key %s: %s in Redis was not written by chferry", key, what)
}
