package redis_test

import (
	"context"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
)

var backfill = storage.Job{Kind: storage.Backfill, Token: "a"}

// TestBeginInterrupted: the ranges of a job are kept in pages, and the connection breaks between
// two of them. No reader gets one of the ranges, another job is refused, and the same job begins
// anew.
func TestBeginInterrupted(t *testing.T) {
	t.Parallel()
	s := private(t)
	many := make([]storage.Range, 1_200)
	for i := range many {
		many[i].UpTo = "old"
	}
	// After this call Redis knows the scripts.
	_, err := s.BeginRanges(t.Context(), key, backfill, storage.BeginOptions{Ranges: many[:501]})
	s.ok(err)
	s.ok(s.DropRanges(t.Context(), key, storage.Backfill))
	s.ok(s.KeepRequest(t.Context(), key, storage.Backfill, "1", "asked"))
	broken := goredis.NewClient(&goredis.Options{Addr: s.Addr, MaxRetries: -1})
	broken.AddHook(&cut{after: 4}) // the epoch, the job, two of three pages
	store := redis.New(broken, s.Addr, redis.Options{})
	t.Cleanup(func() { _ = store.Close() })
	_, err = store.BeginRanges(t.Context(), key, backfill, storage.BeginOptions{Ranges: many})
	wantCode(t, err, chferry.CodeUnavailable)
	if n := s.admin.LLen(t.Context(), "chferry:{users}:backfill-pending").Val(); n != 1_000 {
		t.Fatalf("%d ranges were kept before the connection broke, want 1000", n)
	}
	_, _, err = s.ClaimRange(t.Context(), key, backfill, storage.Reader{Name: "r", Attempt: 1}, 0)
	wantCode(t, err, chferry.CodeSuperseded)
	begun, err := s.RangesProgress(t.Context(), key, storage.Backfill)
	s.ok(err)
	if begun.Open || begun.Token != backfill.Token {
		t.Errorf("a job whose ranges are not all kept is open: %+v", begun)
	}
	asked, err := s.Request(t.Context(), key, storage.Backfill, "1")
	if err != nil || asked != "asked" {
		t.Errorf("the request of a job that has not begun is %q, %v", asked, err)
	}
	_, err = s.BeginRanges(t.Context(), key, storage.Job{Kind: storage.Backfill, Token: "b"}, storage.BeginOptions{})
	wantCode(t, err, chferry.CodeClaimed)
	progress, err := s.BeginRanges(t.Context(), key, backfill,
		storage.BeginOptions{Ranges: []storage.Range{{UpTo: "new"}}})
	s.ok(err)
	claim, _, err := s.ClaimRange(t.Context(), key, backfill, storage.Reader{Name: "r", Attempt: 1}, 0)
	s.ok(err)
	if progress.Pending != 1 || claim.UpTo != "new" {
		t.Errorf("begun again, the progress is %+v and the first range %+v", progress, claim)
	}
}

// twice sends each script once more, as a network may, and drops the second reply.
type twice struct{ cut }

func (*twice) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if cmd.Name() == "evalsha" && err == nil {
			err = next(ctx, goredis.NewCmd(ctx, cmd.Args()...))
		}
		return err
	}
}

// TestRangesTwice: each request arrives twice. No range is added, halved or finished twice.
func TestRangesTwice(t *testing.T) {
	t.Parallel()
	const many = 1_200
	options, err := goredis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	client.AddHook(&twice{})
	name := prefix(t)
	s := redis.New(client, options.Addr, redis.Options{Prefix: name})
	t.Cleanup(func() { _ = s.Close() })
	ok := steps{s, t}.ok
	_, err = s.BeginRanges(t.Context(), key, backfill, storage.BeginOptions{Ranges: make([]storage.Range, many)})
	ok(err)
	claim, _, err := s.ClaimRange(t.Context(), key, backfill, storage.Reader{Name: "r", Attempt: 1}, 0)
	ok(err)
	_, err = s.SaveCursor(t.Context(), key, claim,
		storage.Page{Number: 1, Cursor: "3", Counts: storage.RangeCounts{Rows: 3}})
	ok(err)
	claim, err = s.HalveRange(t.Context(), key, claim, "6")
	ok(err)
	_, err = s.FinishRange(t.Context(), key, claim, storage.Page{Number: 2, Counts: storage.RangeCounts{Rows: 3}})
	ok(err)
	got, err := s.RangesProgress(t.Context(), key, storage.Backfill)
	ok(err)
	if n := client.LLen(t.Context(), name+":{users}:backfill-pending").Val(); n != many {
		t.Errorf("%d ranges are free, want %d", n, many)
	}
	if got.Pending != many || got.Claimed != 0 || got.Finished != 1 || got.Counts.Rows != 6 {
		t.Errorf("the progress is %+v", got)
	}
}

// TestRangesOutOfMemory: a Redis that is out of memory begins no job, but a job that runs goes on.
// What ended holds no primary key.
func TestRangesOutOfMemory(t *testing.T) {
	t.Parallel()
	s := private(t)
	_, err := s.BeginRanges(t.Context(), key, backfill,
		storage.BeginOptions{Ranges: []storage.Range{{After: "secret", UpTo: "secret9"}}})
	s.ok(err)
	s.ok(s.admin.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err = s.BeginRanges(t.Context(), key, storage.Job{Kind: storage.Verify, Token: "a"}, storage.BeginOptions{})
	wantCode(t, err, chferry.CodeUnavailable, "maxmemory")
	claim, _, err := s.ClaimRange(t.Context(), key, backfill, storage.Reader{Name: "r", Attempt: 1}, 0)
	s.ok(err)
	_, err = s.SaveCursor(t.Context(), key, claim, storage.Page{Number: 1, Cursor: "secret3"})
	s.ok(err)
	_, err = s.ExtendRange(t.Context(), key, claim, 0)
	s.ok(err)
	claim, err = s.HalveRange(t.Context(), key, claim, "secret6")
	s.ok(err)
	_, err = s.FinishRange(t.Context(), key, claim, storage.Page{})
	s.ok(err)
	s.ok(s.EndRanges(t.Context(), key, backfill, "cancelled"))
	s.ok(s.admin.ConfigSet(t.Context(), "maxmemory", "0").Err())
	for _, k := range s.admin.Keys(t.Context(), "*").Val() {
		dump := s.admin.Dump(t.Context(), k).Val()
		if strings.Contains(dump, "secret") || strings.Contains(k, "-") || !strings.HasPrefix(k, "chferry:{users}:") {
			t.Errorf("key %s is left, with %q", k, dump)
		}
	}
}

// TestRangesOfOthers: an import key of another installation is left alone.
func TestRangesOfOthers(t *testing.T) {
	t.Parallel()
	name := prefix(t)
	mine := open(t, redis.Options{Prefix: name, Owner: func(chferry.ImportKey) string { return "mine" }})
	other := open(t, redis.Options{Prefix: name, Owner: func(chferry.ImportKey) string { return "other" }})
	_, err := mine.RegisterOperations(t.Context(), key, update("1")...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.BeginRanges(t.Context(), key, backfill, storage.BeginOptions{})
	wantCode(t, err, chferry.CodeConfiguration, "mine")
	wantCode(t, other.DropRanges(t.Context(), key, storage.Backfill), chferry.CodeConfiguration, "mine")
}
