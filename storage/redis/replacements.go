package redis

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed beginreplacement.lua
var beginReplacementLua string

//go:embed endreplacement.lua
var endReplacementLua string

var (
	beginReplacementScript = redis.NewScript(epochLua + beginReplacementLua)
	endReplacementScript   = redis.NewScript(epochLua + endReplacementLua)
)

// BeginReplacement implements storage.Replacements.
func (s *Storage) BeginReplacement(ctx context.Context, key chferry.ImportKey,
	token, table string,
) (storage.Replacement, error) {
	if token == "" || table == "" {
		return storage.Replacement{}, chferry.Errorf(chferry.CodeInvalid, "a replacement needs a token and a table")
	}
	if err := s.own(ctx, key); err != nil {
		return storage.Replacement{}, err
	}
	k := s.keys(key).ofJob(storage.Backfill)[:2]
	word, text, err := s.moveReplacement(ctx, "begin a replacement", beginReplacementScript, k, token, table)
	switch {
	case err != nil:
		return storage.Replacement{}, err
	case word == "claimed" && text == token:
		return storage.Replacement{}, chferry.Errorf(chferry.CodeClaimed,
			"import key %s: another attempt at the job has begun to fill a table: use that one", key)
	case word == "claimed":
		return storage.Replacement{}, chferry.Errorf(chferry.CodeClaimed,
			"import key %s: another job replaces the destination: wait for its end, or cancel it", key)
	case word == "superseded":
		return storage.Replacement{}, chferry.Errorf(chferry.CodeSuperseded,
			"import key %s: the replacement of this job has ended: start the backfill again", key)
	}
	return storage.Replacement{ID: text, Token: token, Table: table}, nil
}

// moveReplacement runs a script that takes an epoch as its last argument, in the epoch that there is.
func (s *Storage) moveReplacement(ctx context.Context, doing string, script *redis.Script, keys []string,
	args ...any,
) (word, text string, err error) {
	for epoch := ""; ; epoch = text {
		word, rest, err := s.run(ctx, doing, script, keys, append(args, epoch)...)
		if err != nil {
			return "", "", err
		}
		text = ""
		if len(rest) > 0 {
			text, _ = rest[0].(string)
		}
		if word != "moved" {
			return word, text, nil
		}
	}
}

// Replacement implements storage.Replacements.
func (s *Storage) Replacement(ctx context.Context, key chferry.ImportKey) (storage.Replacement, error) {
	fields, err := s.client.HMGet(ctx, s.keys(key).state, "replacement", "replacement_token",
		"replacement_table").Result()
	if err != nil {
		return storage.Replacement{}, s.translate(err, "look for a replacement")
	}
	text := func(i int) string { s, _ := fields[i].(string); return s }
	return storage.Replacement{ID: text(0), Token: text(1), Table: text(2)}, nil
}

// EndReplacement implements storage.Replacements.
func (s *Storage) EndReplacement(ctx context.Context, key chferry.ImportKey, token string) error {
	k := []string{s.keys(key).state}
	_, _, err := s.moveReplacement(ctx, "end a replacement", endReplacementScript, k, token)
	return err
}
