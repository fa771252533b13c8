package redis

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed range.lua
var rangeLua string

//go:embed claimrange.lua
var claimRangeLua string

//go:embed saverange.lua
var saveRangeLua string

//go:embed halverange.lua
var halveRangeLua string

//go:embed extendrange.lua
var extendRangeLua string

var (
	claimRangeScript  = redis.NewScript(rangeLua + claimRangeLua)
	saveRangeScript   = redis.NewScript(rangeLua + saveRangeLua)
	halveRangeScript  = redis.NewScript(rangeLua + halveRangeLua)
	extendRangeScript = redis.NewScript(rangeLua + extendRangeLua)
)

func leaseOf(lease time.Duration) int64 {
	if lease == 0 {
		lease = chferry.DefaultLease
	}
	return lease.Milliseconds()
}

// ClaimRange implements storage.RangeReader.
func (s *Storage) ClaimRange(ctx context.Context, key chferry.ImportKey, job storage.Job, reader storage.Reader,
	lease time.Duration,
) (storage.Claim, int64, error) {
	if err := validateJob(job); err != nil {
		return storage.Claim{}, 0, err
	}
	for moves := ""; ; {
		word, rest, err := s.run(ctx, "claim a range", claimRangeScript, s.keys(key).ofJob(job.Kind),
			job.Token, reader.Name, reader.Attempt, leaseOf(lease), moves)
		if err != nil {
			return storage.Claim{}, 0, err
		}
		switch word {
		case "moved":
			moves, _ = rest[0].(string)
		case "none":
			return storage.Claim{}, integer(rest[0]), nil
		case "finished":
			return storage.Claim{}, 0, nil
		case "range":
			return claimOf(job, rest), 0, nil
		case "overtaken":
			return storage.Claim{}, 0,
				chferry.Errorf(chferry.CodeSuperseded, "import key %s: a later attempt of this reader has begun", key)
		default:
			return storage.Claim{}, 0, jobSuperseded(key, job.Kind)
		}
	}
}

func claimOf(job storage.Job, reply []any) storage.Claim {
	text := func(i int) string { s, _ := reply[i].(string); return s }
	return storage.Claim{
		Job: job, Number: integer(reply[0]), ID: text(1), Page: integer(reply[6]), TakenOver: integer(reply[7]) == 1,
		Range: storage.Range{Database: text(2), Pass: text(3), After: text(4), UpTo: text(5)},
	}
}

// ofClaim runs a script on a range that is claimed.
func (s *Storage) ofClaim(ctx context.Context, key chferry.ImportKey, claim storage.Claim, doing string,
	script *redis.Script, args ...any,
) ([]any, error) {
	if err := validateJob(claim.Job); err != nil {
		return nil, err
	}
	word, rest, err := s.run(ctx, doing, script, s.keys(key).ofJob(claim.Job.Kind),
		append([]any{claim.Job.Token, claim.Number, claim.ID}, args...)...)
	if err == nil && word == "superseded" {
		err = jobSuperseded(key, claim.Job.Kind)
	}
	return rest, err
}

// SaveCursor implements storage.RangeReader.
func (s *Storage) SaveCursor(ctx context.Context, key chferry.ImportKey, claim storage.Claim,
	page storage.Page,
) (bool, error) {
	reply, err := s.saveRange(ctx, key, claim, page, false)
	if err != nil {
		return false, err
	}
	return integer(reply[0]) == 1, nil
}

// FinishRange implements storage.RangeReader.
func (s *Storage) FinishRange(ctx context.Context, key chferry.ImportKey, claim storage.Claim,
	page storage.Page,
) (int64, error) {
	reply, err := s.saveRange(ctx, key, claim, page, true)
	if err != nil {
		return 0, err
	}
	return integer(reply[0]), nil
}

func (s *Storage) saveRange(ctx context.Context, key chferry.ImportKey, claim storage.Claim, page storage.Page,
	finish bool,
) ([]any, error) {
	c := page.Counts
	args := []any{
		page.Number, page.Cursor, leaseOf(page.Lease), finish, storage.MaxDifferences,
		c.Rows, c.Failed, c.Clamped, c.Missing, c.Stale, c.Surplus, c.Registered,
	}
	for _, d := range page.Differences[:min(len(page.Differences), storage.MaxDifferences)] {
		value, err := encodeDifference(d)
		if err != nil {
			return nil, err
		}
		args = append(args, value)
	}
	return s.ofClaim(ctx, key, claim, "save a page of a range", saveRangeScript, args...)
}

// ExtendRange implements storage.RangeReader.
func (s *Storage) ExtendRange(ctx context.Context, key chferry.ImportKey, claim storage.Claim,
	lease time.Duration,
) (bool, error) {
	reply, err := s.ofClaim(ctx, key, claim, "extend the lease of a range", extendRangeScript, leaseOf(lease))
	if err != nil {
		return false, err
	}
	return integer(reply[0]) == 1, nil
}

// HalveRange implements storage.RangeReader.
func (s *Storage) HalveRange(ctx context.Context, key chferry.ImportKey, claim storage.Claim,
	at string,
) (storage.Claim, error) {
	if at == "" || at == claim.UpTo {
		return claim, chferry.Errorf(chferry.CodeInvalid, "import key %s: a range is halved at a place inside it", key)
	}
	if _, err := s.ofClaim(ctx, key, claim, "halve a range", halveRangeScript, claim.UpTo, at); err != nil {
		return claim, err
	}
	claim.UpTo = at
	return claim, nil
}
