package redis

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed version.lua
var versionLua string

//go:embed mint.lua
var mintLua string

var mintScript = redis.NewScript(epochLua + versionLua + mintLua)

// Mint implements storage.Minter.
func (s *Storage) Mint(ctx context.Context, key chferry.ImportKey, ask storage.Floor) (uint64, error) {
	if err := key.Validate(); err != nil {
		return 0, err
	}
	for floor := ""; ; {
		word, rest, err := s.run(ctx, "mint a version", mintScript, []string{s.keys(key).state}, floor)
		if err != nil {
			return 0, err
		}
		switch word {
		case "minted":
			return readVersion(rest[0])
		case "floor":
			if floor, err = askFloor(ctx, key, ask); err != nil {
				return 0, err
			}
		default:
			return 0, fmt.Errorf("mint a version: unexpected reply %q", word)
		}
	}
}

func readVersion(reply any) (uint64, error) {
	text, _ := reply.(string)
	version, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a version: %w", err)
	}
	return version, nil
}

// askFloor returns the floor of a version as scripts take it.
func askFloor(ctx context.Context, key chferry.ImportKey, ask storage.Floor) (string, error) {
	var floor uint64
	if ask != nil {
		var err error
		if floor, err = ask(ctx); err != nil {
			return "", err
		}
	}
	// Redis counts in signed integers.
	if floor >= math.MaxInt64 {
		return "", chferry.Errorf(chferry.CodeConfiguration,
			"import key %s: the destination holds version %d, beyond which none can be minted: empty the table or "+
				"name another", key, floor)
	}
	return strconv.FormatUint(floor, 10), nil
}
