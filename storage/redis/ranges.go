package redis

import (
	"context"
	_ "embed"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

//go:embed beginranges.lua
var beginRangesLua string

//go:embed addranges.lua
var addRangesLua string

//go:embed endranges.lua
var endRangesLua string

var (
	beginRangesScript = redis.NewScript(epochLua + beginRangesLua)
	addRangesScript   = redis.NewScript(addRangesLua)
	endRangesScript   = redis.NewScript(endRangesLua)
)

// rangesPage is how many ranges a script adds at most, so that it does not hold up other clients.
const rangesPage = 500

// ofJob are the keys that the scripts of ranges work on, in their order.
func (k keys) ofJob(kind storage.JobKind) []string {
	base := k.base + string(kind)
	return []string{k.state, base, base + "-ranges", base + "-pending", base + "-claimed", base + "-differences"}
}

// jobKeys are the keys of all jobs.
func (k keys) jobKeys() []string {
	jobs := append(k.ofJob(storage.Backfill)[1:], k.ofJob(storage.Verify)[1:]...)
	return append(jobs, k.request(storage.Backfill), k.request(storage.Verify))
}

func validateKind(kind storage.JobKind) error {
	if kind != storage.Backfill && kind != storage.Verify {
		return chferry.Errorf(chferry.CodeInvalid, "there is no job of kind %q: it is %s or %s",
			kind, storage.Backfill, storage.Verify)
	}
	return nil
}

func validateJob(job storage.Job) error {
	if job.Token == "" {
		return chferry.Errorf(chferry.CodeInvalid, "a job needs a token")
	}
	return validateKind(job.Kind)
}

// BeginRanges implements storage.Ranges.
func (s *Storage) BeginRanges(ctx context.Context, key chferry.ImportKey, job storage.Job,
	opts storage.BeginOptions,
) (storage.Progress, error) {
	if err := validateJob(job); err != nil {
		return storage.Progress{}, err
	}
	if err := s.own(ctx, key); err != nil {
		return storage.Progress{}, err
	}
	id, holder, err := s.beginRanges(ctx, key, job, opts, "")
	if holder != "" && opts.Closed != nil && opts.Closed(ctx, holder) {
		// The script compares the holder again: it may have changed since.
		id, holder, err = s.beginRanges(ctx, key, job, opts, holder)
	}
	if err == nil && holder != "" {
		err = chferry.Errorf(chferry.CodeClaimed, "import key %s: another %s runs: wait for its end, or cancel it",
			key, job.Kind)
	}
	if err == nil && id != "" {
		err = s.addRanges(ctx, key, job, id, opts.Ranges)
	}
	if err != nil {
		return storage.Progress{}, err
	}
	return s.RangesProgress(ctx, key, job.Kind)
}

// beginRanges returns the ID of a job whose ranges must be added, or the token of the job that is
// open; nothing if this job was begun before. closed is the token of a job that is known to have
// ended.
func (s *Storage) beginRanges(ctx context.Context, key chferry.ImportKey, job storage.Job, opts storage.BeginOptions,
	closed string,
) (id, holder string, err error) {
	for epoch := ""; ; {
		word, rest, err := s.run(ctx, "begin a "+string(job.Kind), beginRangesScript, s.keys(key).ofJob(job.Kind),
			job.Token, closed, epoch, opts.Options, opts.Rows)
		if err != nil || word == "begun" {
			return "", "", err
		}
		text, _ := rest[0].(string)
		switch word {
		case "moved":
			epoch = text
		case "claimed":
			return "", text, nil
		default:
			return text, "", nil
		}
	}
}

func (s *Storage) addRanges(ctx context.Context, key chferry.ImportKey, job storage.Job, id string,
	ranges []storage.Range,
) error {
	for first, total := 0, ""; total == ""; first += rangesPage {
		page := ranges[first:min(first+rangesPage, len(ranges))]
		if first+len(page) == len(ranges) {
			total = strconv.Itoa(len(ranges))
		}
		args := []any{job.Token, id, first, total}
		for _, r := range page {
			args = append(args, r.Database, r.Pass, r.After, r.UpTo)
		}
		keys := append(s.keys(key).ofJob(job.Kind), s.keys(key).request(job.Kind))
		word, _, err := s.run(ctx, "add the ranges of a "+string(job.Kind), addRangesScript, keys, args...)
		if err != nil {
			return err
		}
		if word == "superseded" {
			return jobSuperseded(key, job.Kind)
		}
	}
	return nil
}

func jobSuperseded(key chferry.ImportKey, kind storage.JobKind) error {
	return chferry.Errorf(chferry.CodeSuperseded,
		"import key %s: the %s has ended, or another reader has taken its range over", key, kind)
}

// progressFields are the fields of a job that make its progress: texts, then numbers.
var progressFields = []string{
	"token", "options", "stage", "outcome",
	"rows", "ranges", "finished", "began", "moved", "ended",
	"count_rows", "count_failed", "count_clamped", "count_missing", "count_stale", "count_surplus", "count_registered",
}

// RangesProgress implements storage.Ranges.
func (s *Storage) RangesProgress(ctx context.Context, key chferry.ImportKey,
	kind storage.JobKind,
) (storage.Progress, error) {
	if err := validateKind(kind); err != nil {
		return storage.Progress{}, err
	}
	k := s.keys(key).ofJob(kind)
	var job *redis.SliceCmd
	var claimed, differences *redis.IntCmd
	_, err := s.client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		job = pipe.HMGet(ctx, k[1], progressFields...)
		claimed, differences = pipe.ZCard(ctx, k[4]), pipe.LLen(ctx, k[5])
		return nil
	})
	if err != nil {
		return storage.Progress{}, s.translate(err, "read the progress of a "+string(kind))
	}
	texts, numbers := make([]string, len(progressFields)), make([]int64, len(progressFields))
	for i, field := range job.Val() {
		texts[i], _ = field.(string)
		numbers[i], _ = strconv.ParseInt(texts[i], 10, 64) // absent: 0
	}
	return storage.Progress{
		Token: texts[0], Options: texts[1], Open: texts[2] == "open", Outcome: texts[3],
		Rows: numbers[4], Pending: numbers[5] - numbers[6] - claimed.Val(), Claimed: claimed.Val(),
		Finished: numbers[6], Began: timeOf(numbers[7]), Moved: timeOf(numbers[8]), Ended: timeOf(numbers[9]),
		Counts: storage.RangeCounts{
			Rows: numbers[10], Failed: numbers[11], Clamped: numbers[12],
			Missing: numbers[13], Stale: numbers[14], Surplus: numbers[15], Registered: numbers[16],
		},
		Differences: differences.Val(),
	}, nil
}

// timeOf returns the zero time for 0.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// EndRanges implements storage.Ranges.
func (s *Storage) EndRanges(ctx context.Context, key chferry.ImportKey, job storage.Job, outcome string) error {
	ended, err := s.endRanges(ctx, key, job, outcome, false)
	if err == nil && !ended {
		err = jobSuperseded(key, job.Kind)
	}
	return err
}

// DropRanges implements storage.Ranges.
func (s *Storage) DropRanges(ctx context.Context, key chferry.ImportKey, kind storage.JobKind) error {
	if err := s.own(ctx, key); err != nil {
		return err
	}
	_, err := s.endRanges(ctx, key, storage.Job{Kind: kind}, "", true)
	return err
}

// endRanges ends the last job of a kind, if it is this one or no token is given, and reports whether it was there.
func (s *Storage) endRanges(ctx context.Context, key chferry.ImportKey, job storage.Job, outcome string,
	drop bool,
) (bool, error) {
	if err := validateKind(job.Kind); err != nil {
		return false, err
	}
	k, doing := s.keys(key).ofJob(job.Kind), "end a "+string(job.Kind)
	fields, err := s.client.HMGet(ctx, k[1], "token", "id").Result()
	if err != nil {
		return false, s.translate(err, doing)
	}
	token, _ := fields[0].(string)
	id, _ := fields[1].(string)
	if token == "" || job.Token != "" && job.Token != token {
		return false, nil
	}
	word, _, err := s.run(ctx, doing, endRangesScript, k, id, outcome, drop)
	return word == "ended", err
}

// Differences implements storage.Ranges.
func (s *Storage) Differences(ctx context.Context, key chferry.ImportKey, from,
	most int,
) ([]storage.Difference, error) {
	if from < 0 || most <= 0 {
		return nil, nil
	}
	values, err := s.client.LRange(ctx, s.keys(key).ofJob(storage.Verify)[5], int64(from), int64(from+most-1)).Result()
	if err != nil {
		return nil, s.translate(err, "read the differences")
	}
	differences := make([]storage.Difference, len(values))
	for i, value := range values {
		if differences[i], err = decodeDifference(value); err != nil {
			return nil, malformed(key, "a difference")
		}
	}
	return differences, nil
}

// differenceLetters begin a difference; the encoded operation follows.
var differenceLetters = map[storage.DifferenceKind]string{
	storage.Missing: "m", storage.Stale: "s", storage.Surplus: "x",
}

func encodeDifference(d storage.Difference) ([]byte, error) {
	letter, ok := differenceLetters[d.Kind]
	if !ok || len(d.PrimaryKey) == 0 {
		return nil, chferry.Errorf(chferry.CodeInvalid, "a difference needs a kind (%s, %s, %s) and a primary key",
			storage.Missing, storage.Stale, storage.Surplus)
	}
	op := chferry.Operation{Kind: chferry.Update, Database: d.Database, PrimaryKey: d.PrimaryKey}
	return encode([]byte(letter), []chferry.Operation{op}), nil
}

func decodeDifference(value string) (storage.Difference, error) {
	for kind, letter := range differenceLetters {
		if len(value) > 1 && value[:1] == letter {
			ops, err := decode(nil, value[1:])
			if err != nil || len(ops) != 1 {
				return storage.Difference{}, errors.Join(err, errEntry)
			}
			return storage.Difference{Kind: kind, Database: ops[0].Database, PrimaryKey: ops[0].PrimaryKey}, nil
		}
	}
	return storage.Difference{}, errEntry
}
