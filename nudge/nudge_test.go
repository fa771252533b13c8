package nudge_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestOne(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		time.Sleep(time.Minute)
		b.register("users")
		time.Sleep(time.Hour)
		b.want(b.t, "users", time.Minute)
	})
}

// TestBurst: a nudge at the beginning of a burst and one behind its end.
func TestBurst(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		var clients sync.WaitGroup
		for range 100 {
			clients.Go(func() { b.register("users", "orders", "plain", "unknown") })
		}
		clients.Wait()
		synctest.Wait()
		time.Sleep(300 * time.Millisecond)
		b.register("users", "orders")
		time.Sleep(time.Hour)
		b.want(b.t, "users", 0, time.Second)
		b.want(b.t, "orders", 0, 5*time.Second)
		b.want(b.t, "plain")
		b.want(b.t, "unknown")
	})
}

// TestConfigurationReplaced: the imports of each moment are nudged, in their intervals.
func TestConfigurationReplaced(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		b.register("users", "orders", "plain", "unknown")
		b.live.Replace(&config.Config{Imports: []chferry.Import{
			{Key: "users", SyncOnRegister: true, NudgeInterval: 3 * time.Second},
			{Key: "orders"},
			{Key: "unknown", SyncOnRegister: true},
		}})
		time.Sleep(100 * time.Millisecond)
		b.register("users", "orders", "plain", "unknown")
		time.Sleep(time.Hour)
		b.want(b.t, "users", 0, 3*time.Second)
		b.want(b.t, "orders", 0)
		b.want(b.t, "plain")
		b.want(b.t, "unknown", 100*time.Millisecond)
	})
}

// TestStream: however many registrations there are, a nudge each interval.
func TestStream(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		for range 350 {
			b.register("users")
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Hour)
		b.want(b.t, "users", 0, time.Second, 2*time.Second, 3*time.Second, 4*time.Second)
	})
}

// TestSettle: what is too young to be synced is nudged for when it is old enough.
func TestSettle(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		b.register("settled")
		time.Sleep(500 * time.Millisecond)
		b.register("settled")
		time.Sleep(1500 * time.Millisecond)
		b.register("settled")
		time.Sleep(time.Hour)
		b.want(b.t, "settled", 3*time.Second, 5*time.Second)
	})
}

func TestNotRegistered(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		_, err := b.Registrar(refusing{}).RegisterOperations(b.t.Context(), "users", chferry.Operation{})
		if chferry.CodeOf(err) != chferry.CodeUnavailable {
			b.t.Errorf("got %v, want the storage's error", err)
		}
		time.Sleep(time.Hour)
		b.want(b.t, "users")
	})
}

// TestDown: while Temporal is down it is asked ever more rarely, and one warning says so; when it
// is back each key is nudged once.
func TestDown(t *testing.T) {
	const slow = 10 * time.Millisecond // both keys are under way
	down := func(ctx context.Context, key chferry.ImportKey) error {
		time.Sleep(slow)
		return chferry.Errorf(chferry.CodeUnavailable, "Temporal does not answer")
	}
	bubble(t, down, func(b *bundle) {
		for range 100 {
			b.register("users", "orders")
			time.Sleep(time.Second)
		}
		var want []time.Duration
		for i, seconds := range []int{0, 1, 3, 7, 15, 31, 61, 91} { // the pause doubles, up to 30 s
			want = append(want, time.Duration(seconds)*time.Second+time.Duration(i)*slow)
		}
		if got := b.times("users", "orders"); !slices.Equal(got, want) {
			b.t.Errorf("nudged at %v, want %v", got, want)
		}
		b.heal()
		b.wantLog(`level=WARN msg="nudges do not reach Temporal: operations go on being registered, ` +
			`and are synced when their schedules tick" error="Temporal does not answer"`)
		time.Sleep(time.Hour)
		if users, orders := b.count("users"), b.count("orders"); users != 1 || orders != 1 {
			b.t.Errorf("nudged users %d and orders %d times, want once", users, orders)
		}
		b.wantLog("nudges do not reach Temporal", "nudges reach Temporal again")
		b.register("users")
		if n := b.count("users"); n != 2 {
			b.t.Errorf("nudged %d times, want that all is as before", n)
		}
	})
}

// TestTriedAgain: a nudge that failed is none, and its interval is not waited for.
func TestTriedAgain(t *testing.T) {
	failures := 0
	once := func(context.Context, chferry.ImportKey) error {
		if failures++; failures == 1 {
			return chferry.Errorf(chferry.CodeUnavailable, "down")
		}
		return nil
	}
	bubble(t, once, func(b *bundle) {
		b.register("orders")
		time.Sleep(time.Hour)
		b.want(b.t, "orders", 0, time.Second)
	})
}

// TestOneKeyFails: a key without a schedule is warned of once and stops no other.
func TestOneKeyFails(t *testing.T) {
	missing := func(_ context.Context, key chferry.ImportKey) error {
		if key == "users" {
			return chferry.Errorf(chferry.CodeConfiguration, "import key users has no schedule")
		}
		return nil
	}
	bubble(t, missing, func(b *bundle) {
		for range 10 {
			b.register("users", "orders")
			time.Sleep(5 * time.Second)
		}
		b.want(b.t, "orders", 0, 5*time.Second, 10*time.Second, 15*time.Second, 20*time.Second, 25*time.Second,
			30*time.Second, 35*time.Second, 40*time.Second, 45*time.Second)
		b.want(b.t, "users", 0, time.Second, 3*time.Second, 7*time.Second, 15*time.Second, 31*time.Second)
		b.wantLog(`msg="an import key can't be nudged: its operations are synced when its schedule ticks" ` +
			`import_key=users code=Configuration error="import key users has no schedule"`)
	})
}

// TestHangs: a scheduler that does not answer delays no registration, and is given up.
func TestHangs(t *testing.T) {
	hang := func(ctx context.Context, _ chferry.ImportKey) error {
		<-ctx.Done()
		return chferry.WrapError(chferry.CodeUnavailable, ctx.Err(), "Temporal does not answer")
	}
	bubble(t, hang, func(b *bundle) {
		b.register("users", "orders")
		synctest.Wait()
		b.register("users", "orders")
		time.Sleep(5 * time.Second)
		b.want(b.t, "users", 0)
		b.wantLog("Temporal does not answer")
	})
}

// TestClose sends what waits for its interval, at once.
func TestClose(t *testing.T) {
	bubble(t, nil, func(b *bundle) {
		b.register("users", "orders")
		b.want(b.t, "users", 0)
		b.register("users")
		time.Sleep(300 * time.Millisecond)
		b.Close(b.t.Context())
		b.Close(b.t.Context())
		b.want(b.t, "users", 0, 300*time.Millisecond)
		b.want(b.t, "orders", 0)
		b.register("users", "orders") // a request that ends late is still registered
	})
}

// TestCloseWhileDown tries no more.
func TestCloseWhileDown(t *testing.T) {
	down := func(context.Context, chferry.ImportKey) error { return chferry.Errorf(chferry.CodeUnavailable, "down") }
	bubble(t, down, func(b *bundle) {
		b.register("users", "orders")
		synctest.Wait()
		b.Close(b.t.Context())
		if calls := b.count("users", "orders"); calls > 2 {
			b.t.Errorf("%d calls, want one of each key at most", calls)
		}
		b.wantLog("nudges do not reach Temporal")
	})
}

// TestCloseCut: whoever closes waits no longer than the context does.
func TestCloseCut(t *testing.T) {
	hang := func(ctx context.Context, _ chferry.ImportKey) error { <-ctx.Done(); return errors.New("cut off") }
	bubble(t, hang, func(b *bundle) {
		b.register("users")
		synctest.Wait()
		b.register("users")
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		defer cancel()
		b.Close(ctx)
		if took := time.Since(b.began); took != time.Second {
			b.t.Errorf("it took %s", took)
		}
	})
}
