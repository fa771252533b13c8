package redis

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed remember.lua
var rememberLua string

var rememberScript = redis.NewScript(epochLua + rememberLua)

// RememberIdentity implements storage.Memory.
func (s *Storage) RememberIdentity(ctx context.Context, key chferry.ImportKey, database string,
	identity storage.Identity,
) (storage.Identity, error) {
	return s.remember(ctx, key, database, identity, "")
}

// ReplaceIdentity implements storage.Memory.
func (s *Storage) ReplaceIdentity(ctx context.Context, key chferry.ImportKey, database string,
	identity storage.Identity,
) error {
	if err := s.own(ctx, key); err != nil {
		return err
	}
	remembered, err := s.RememberedIdentity(ctx, key, database)
	if err != nil {
		return err
	}
	_, err = s.remember(ctx, key, database, identity, remembered.Table)
	return err
}

// RememberedIdentity implements storage.Memory.
func (s *Storage) RememberedIdentity(ctx context.Context, key chferry.ImportKey,
	database string,
) (storage.Identity, error) {
	fields, err := s.client.HMGet(ctx, s.keys(key).state, identityField(database), markField(database)).Result()
	if err != nil {
		return storage.Identity{}, s.translate(err, "read the source that is remembered")
	}
	return identityOf(fields), nil
}

func (s *Storage) remember(ctx context.Context, key chferry.ImportKey, database string, identity storage.Identity,
	replace string,
) (storage.Identity, error) {
	_, rest, err := s.run(ctx, "remember the source", rememberScript, []string{s.keys(key).state},
		identityField(database), markField(database), identity.Table, strconv.FormatUint(identity.Mark, 10), replace)
	if err != nil {
		return storage.Identity{}, err
	}
	return identityOf(rest), nil
}

func identityOf(fields []any) storage.Identity {
	table, _ := fields[0].(string)
	text, _ := fields[1].(string)
	mark, _ := strconv.ParseUint(text, 10, 64) // absent: 0
	return storage.Identity{Table: table, Mark: mark}
}

func identityField(database string) string { return "identity:" + database }

func markField(database string) string { return "mark:" + database }

//go:embed note.lua
var noteLua string

var noteScript = redis.NewScript(noteLua)

// NoteSchema implements storage.Memory.
func (s *Storage) NoteSchema(ctx context.Context, key chferry.ImportKey, token string, schema []string) error {
	var text []byte
	if len(schema) > 0 {
		var err error
		if text, err = json.Marshal(schema); err != nil {
			return fmt.Errorf("note the schema: %w", err)
		}
	}
	_, _, err := s.run(ctx, "note the schema", noteScript, []string{s.keys(key).state}, token, "schema", text)
	return err
}

// schemaOf reads what NoteSchema wrote. Before there were lists, the note was a sentence a line,
// none of which begins with a bracket.
func schemaOf(text string) []string {
	var schema []string
	switch {
	case text == "":
		return nil
	case json.Unmarshal([]byte(text), &schema) != nil:
		return strings.Split(text, "\n")
	}
	return schema
}

//go:embed failing.lua
var failingLua string

var failingScript = redis.NewScript(failingLua)

// NoteFailure implements storage.Syncer.
func (s *Storage) NoteFailure(ctx context.Context, key chferry.ImportKey, token, step string, code chferry.Code,
	reason string,
) error {
	_, _, err := s.run(ctx, "note a failure", failingScript, []string{s.keys(key).state}, token, step, string(code),
		reason)
	return err
}
