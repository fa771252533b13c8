package redis

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// statusFields are the fields of the state that make a status: numbers, then texts.
var statusFields = []string{
	"surplus", "batch_count", "last_sync", "version",
	"total_operations", "total_rows", "total_deletes", "total_coalesced", "total_failed",
	"schema", "last_outcome", "failing",
}

// oldestLua returns the ID of the oldest entry: the entry itself may be large.
const oldestLua = `local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return entry and entry[1] or ''`

// statusReplies are the answers about one import key.
type statusReplies struct {
	state  *redis.SliceCmd
	length *redis.IntCmd
	failed *redis.IntCmd
	ended  *redis.IntCmd
	oldest *redis.Cmd
	copied *redis.SliceCmd

	compared *redis.SliceCmd
}

// lastVerifyFields are the fields of a verify that make a [chferry.LastVerify].
var lastVerifyFields = []string{"outcome", "ended", "count_rows", "count_missing", "count_stale", "count_surplus"}

// lastVerify returns nil for a verify that has not ended, or is not there.
func lastVerify(fields []any) *chferry.LastVerify {
	outcome, _ := fields[0].(string)
	if outcome == "" {
		return nil
	}
	return &chferry.LastVerify{
		Outcome: outcome, Ended: timeOf(number(fields[1])), Rows: number(fields[2]),
		Missing: number(fields[3]), Stale: number(fields[4]), Surplus: number(fields[5]),
	}
}

// Status implements storage.Administrator.
func (s *Storage) Status(ctx context.Context, importKeys ...chferry.ImportKey) ([]chferry.Status, error) {
	if len(importKeys) == 0 {
		return nil, nil
	}
	replies := make([]statusReplies, len(importKeys))
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range importKeys {
			k := s.keys(key)
			replies[i] = statusReplies{
				state:  pipe.HMGet(ctx, k.state, statusFields...),
				length: pipe.XLen(ctx, k.queue),
				failed: pipe.HLen(ctx, k.failed),
				ended:  pipe.HLen(ctx, k.ended),
				oldest: pipe.Eval(ctx, oldestLua, []string{k.queue}),
				copied: pipe.HMGet(ctx, k.ofJob(storage.Backfill)[1], "stage", "count_rows", "rows"),

				compared: pipe.HMGet(ctx, k.ofJob(storage.Verify)[1], lastVerifyFields...),
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.translate(err, "read the status")
	}
	statuses := make([]chferry.Status, len(importKeys))
	for i := range replies {
		statuses[i] = replies[i].status()
	}
	return statuses, nil
}

func (r statusReplies) status() chferry.Status {
	texts := make([]string, len(statusFields))
	numbers := make([]int64, len(statusFields))
	for i, field := range r.state.Val() {
		texts[i], _ = field.(string)
		numbers[i], _ = strconv.ParseInt(texts[i], 10, 64) // absent: 0
	}
	status := chferry.Status{
		Pending:  r.length.Val() + numbers[0] - numbers[1],
		InFlight: numbers[1],
		Failed:   r.failed.Val() + r.ended.Val(),
		Version:  uint64(numbers[3]),
		Totals: chferry.Counts{
			Operations: numbers[4], Rows: numbers[5], Deletes: numbers[6], Coalesced: numbers[7], Failed: numbers[8],
		},
		Schema: schemaOf(texts[9]), LastOutcome: texts[10], Failing: failing(texts[11]),
	}
	if numbers[2] != 0 {
		status.LastSync = time.UnixMilli(numbers[2]).UTC()
	}
	if id, _ := r.oldest.Text(); id != "" {
		ms, _, _ := strings.Cut(id, "-")
		registered, _ := strconv.ParseInt(ms, 10, 64)
		status.OldestPending = time.UnixMilli(registered).UTC()
	}
	if copied := r.copied.Val(); copied[0] == "open" {
		status.Backfill = &chferry.TableRows{Rows: number(copied[1]), Estimated: number(copied[2])}
	}
	status.Verify = lastVerify(r.compared.Val())
	return status
}

// number reads a number of a hash; 0 for a field that is absent.
func number(field any) int64 {
	text, _ := field.(string)
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}

// failing reads what failing.lua wrote.
func failing(text string) *chferry.Failing {
	var f struct {
		Since, Last, Attempts int64
		Step, Reason          string
		Code                  chferry.Code
	}
	if text == "" || json.Unmarshal([]byte(text), &f) != nil {
		return nil
	}
	return &chferry.Failing{
		Since: time.UnixMilli(f.Since).UTC(), Last: time.UnixMilli(f.Last).UTC(), Attempts: f.Attempts,
		Step: f.Step, Code: f.Code, Reason: f.Reason,
	}
}
