package redis

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// A position is the ID of a stream entry, such as 1733000000000-0. IDs grow as long as the stream
// exists, whatever the clock does.

//go:embed head.lua
var headLua string

var headScript = redis.NewScript(headLua)

// tailLua returns the ID of the newest entry: the entry itself may be large.
const tailLua = `local entry = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
return {'tail', entry and entry[1] or '0-0'}`

var tailScript = redis.NewScript(tailLua)

// Position implements storage.Positions.
func (s *Storage) Position(ctx context.Context, key chferry.ImportKey) (storage.Position, error) {
	_, rest, err := s.run(ctx, "read the position of the queue", tailScript, []string{s.keys(key).queue})
	if err != nil {
		return "", err
	}
	id, _ := rest[0].(string)
	return storage.Position(id), nil
}

// Passed implements storage.Positions. The head of the queue is read after positions were given, so
// that an operation which has one of them was in the queue before.
func (s *Storage) Passed(ctx context.Context, key chferry.ImportKey, positions ...storage.Position) ([]bool, error) {
	ids := make([]entryID, len(positions))
	for i, position := range positions {
		var err error
		if ids[i], err = parseID(string(position)); err != nil {
			return nil, chferry.Errorf(chferry.CodeInvalid,
				"import key %s: position %d of %d is none that was given out", key, i+1, len(positions))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	k := s.keys(key)
	_, rest, err := s.run(ctx, "read the head of the queue", headScript, []string{k.state, k.queue})
	if err != nil {
		return nil, err
	}
	passed := make([]bool, len(ids))
	text, _ := rest[0].(string)
	head, err := parseID(text)
	if text != "" && err != nil {
		return nil, malformed(key, "the head of the queue")
	}
	for i, id := range ids {
		passed[i] = text == "" || id.before(head)
	}
	return passed, nil
}

// entryID is the ID of a stream entry.
type entryID struct{ ms, sequence uint64 }

func parseID(text string) (entryID, error) {
	ms, sequence, _ := strings.Cut(text, "-")
	id := entryID{}
	var errMS, errSequence error
	id.ms, errMS = strconv.ParseUint(ms, 10, 64)
	id.sequence, errSequence = strconv.ParseUint(sequence, 10, 64)
	return id, errors.Join(errMS, errSequence)
}

func (i entryID) before(other entryID) bool {
	return i.ms < other.ms || i.ms == other.ms && i.sequence < other.sequence
}
