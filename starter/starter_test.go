package starter_test

import (
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/starter"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// fixture is a starter with a task queue and IDs of its own on a Temporal server.
type fixture struct {
	*starter.Starter
	t      *testing.T
	prefix string
}

func open(t *testing.T) *fixture {
	t.Helper()
	return openAt(t, testenv.Temporal(t))
}

func openAt(t *testing.T, address string) *fixture {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text())
	s, err := starter.New(starter.Options{Address: address, TaskQueue: name, IDPrefix: name})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{Starter: s, t: t, prefix: name}
	t.Cleanup(s.Close)
	return f
}

func users() chferry.Import {
	return chferry.Import{Key: "users", Table: "public.users", DestinationTable: "users", Every: time.Hour}
}

func orders() chferry.Import {
	return chferry.Import{Key: "orders", Table: "public.orders", DestinationTable: "orders", Cron: "*/5 * * * *"}
}

// byHand has no times.
func byHand() chferry.Import {
	return chferry.Import{Key: "countries", Table: "countries", DestinationTable: "countries"}
}

func (f *fixture) id(key string) string { return f.prefix + ":sync:" + key }

// apply applies imports and fails the test if that fails.
func (f *fixture) apply(imports ...chferry.Import) []starter.Change {
	f.t.Helper()
	changes, err := f.Apply(f.t.Context(), imports, starter.ApplyOptions{})
	if err != nil {
		f.t.Fatalf("Apply: %v (%v)", err, errors.Unwrap(err))
	}
	return changes
}

// wantChanges applies imports, which must do exactly this.
func (f *fixture) wantChanges(imports []chferry.Import, want ...starter.Change) {
	f.t.Helper()
	if got := f.apply(imports...); !slices.Equal(got, want) {
		f.t.Errorf("Apply did\n%q, want\n%q", got, want)
	}
}

func (f *fixture) change(what, key, why string) starter.Change {
	return starter.Change{What: what, Name: "schedule " + f.id(key), Why: why}
}

func (f *fixture) describe(key chferry.ImportKey) chferry.Schedule {
	f.t.Helper()
	d, err := f.Describe(f.t.Context(), key)
	if err != nil {
		f.t.Fatalf("Describe: %v (%v)", err, errors.Unwrap(err))
	}
	return d
}

// inTemporal is what Temporal itself says of a schedule.
func (f *fixture) inTemporal(key string) *client.ScheduleDescription {
	f.t.Helper()
	d, err := f.Client().ScheduleClient().GetHandle(f.t.Context(), f.id(key)).Describe(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// edit changes a schedule as somebody with the Temporal UI would.
func (f *fixture) edit(key string, change func(*client.Schedule)) {
	f.t.Helper()
	handle := f.Client().ScheduleClient().GetHandle(f.t.Context(), f.id(key))
	err := handle.Update(f.t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			schedule := in.Description.Schedule
			change(&schedule)
			return &client.ScheduleUpdate{Schedule: &schedule}, nil
		},
	})
	if err != nil {
		f.t.Fatalf("edit the schedule: %v", err)
	}
}

// eventually waits until done, and fails the test after a while.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in time", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// closedPort is an address that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// wantError checks an error's code and that its text has all of the words.
func wantError(t *testing.T, err error, code chferry.Code, words ...string) {
	t.Helper()
	if got := chferry.CodeOf(err); err == nil || got != code {
		t.Errorf("got error %v (%s), want %s", err, got, code)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q lacks %q", err, word)
		}
	}
}
