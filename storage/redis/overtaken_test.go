package redis_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage/redis"
)

// before does something once, just before the first command of a name is sent.
type before struct {
	name string
	once sync.Once
	do   func()
}

func (b *before) DialHook(next goredis.DialHook) goredis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (b *before) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		if cmd.Name() == b.name {
			b.once.Do(b.do)
		}
		return next(ctx, cmd)
	}
}

func (b *before) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

// TestOvertakenReader: between a reader's look at the claim and its look at the queue another sync
// removes the batch. The entry at which the batch was cut is still there, and has as many
// operations as the reader wants: they are not its own.
func TestOvertakenReader(t *testing.T) {
	t.Parallel()
	opts := redis.Options{Prefix: prefix(t)}
	fast := open(t, opts)
	options, err := goredis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(options)
	slow := redis.New(client, options.Addr, opts)
	t.Cleanup(func() { _ = slow.Close() })

	f := steps{fast, t}
	f.register("1", "2", "3", "4", "5")
	f.register(strings.Fields("6 7 8 9 10 11 12 13 14 15 16 17 18 19 20")...)
	f.start("slow")
	f.ok(f.post("slow", f.get("slow", 2)))
	batch := f.get("slow", 7)
	client.AddHook(&before{name: "xrange", do: func() {
		f.start("fast")
		f.ok(f.post("fast", f.get("fast", 7)))
	}})
	var got []string
	for page, pageErr := range slow.BatchOperations(t.Context(), key, "slow", batch) {
		for _, op := range page {
			got = append(got, op.PrimaryKey[0])
		}
		err = pageErr
	}
	if err == nil {
		t.Fatalf("read %q without an error, want 3 to 9, or to be told", got)
	}
	wantCode(t, err, chferry.CodeSuperseded)
}
