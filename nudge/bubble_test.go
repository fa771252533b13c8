package nudge_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/nudge"
	"github.com/chferry/chferry/storage"
)

// scheduler notes when it was nudged. What it answers is what answer says.
type scheduler struct {
	began  time.Time
	answer func(ctx context.Context, key chferry.ImportKey) error

	mu     sync.Mutex
	nudged map[chferry.ImportKey][]time.Duration // since it began
}

// Nudge is what a nudger calls.
func (s *scheduler) Nudge(ctx context.Context, key chferry.ImportKey) error {
	s.mu.Lock()
	s.nudged[key] = append(s.nudged[key], time.Since(s.began))
	answer := s.answer
	s.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(ctx, key)
}

// heal forgets all nudges, and answers all from now on.
func (s *scheduler) heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.nudged = nil, map[chferry.ImportKey][]time.Duration{}
}

// count returns how often keys were nudged.
func (s *scheduler) count(keys ...chferry.ImportKey) int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, key := range keys {
		n += len(s.nudged[key])
	}
	return n
}

// times returns when any of keys was nudged, in order.
func (s *scheduler) times(keys ...chferry.ImportKey) (all []time.Duration) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		all = append(all, s.nudged[key]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *scheduler) want(t *testing.T, key chferry.ImportKey, want ...time.Duration) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.nudged[key]; !slices.Equal(got, want) {
		t.Errorf("%s was nudged at %v, want %v", key, got, want)
	}
}

// accepting is a storage that takes everything.
type accepting struct{}

// RegisterOperations implements storage.Registrar.
func (accepting) RegisterOperations(_ context.Context, _ chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	return len(ops), nil
}

// refusing is one that takes nothing.
type refusing struct{}

// RegisterOperations implements storage.Registrar.
func (refusing) RegisterOperations(context.Context, chferry.ImportKey, ...chferry.Operation) (int, error) {
	return 0, chferry.Errorf(chferry.CodeUnavailable, "down")
}

var imports = []chferry.Import{
	{Key: "users", SyncOnRegister: true, NudgeInterval: time.Second},
	{Key: "orders", SyncOnRegister: true, NudgeInterval: 5 * time.Second},
	{Key: "settled", SyncOnRegister: true, NudgeInterval: time.Second, Settle: 3 * time.Second},
	{Key: "plain"},
}

// bundle is a nudger in a bubble where time passes by itself, as soon as everybody waits.
type bundle struct {
	*scheduler
	*nudge.Nudger
	t     *testing.T
	live  *config.Live
	store storage.Registrar
	log   logBuffer // of warnings and what ends them
}

// logBuffer can be read while others write.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *logBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

// String returns the log so far.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// bubble runs a test on a nudger, which is closed in the end.
func bubble(t *testing.T, answer func(ctx context.Context, key chferry.ImportKey) error, test func(b *bundle)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bundle{t: t, scheduler: &scheduler{
			began: time.Now(), answer: answer, nudged: map[chferry.ImportKey][]time.Duration{},
		}}
		b.live = config.NewLive(&config.Config{Imports: imports})
		b.Nudger = nudge.Start(t.Context(), b.scheduler, b.live, slog.New(slog.NewTextHandler(&b.log, nil)))
		b.store = b.Registrar(accepting{})
		test(b)
		b.Close(t.Context())
	})
}

// register registers at once: no time passes.
func (b *bundle) register(keys ...chferry.ImportKey) {
	b.t.Helper()
	for _, key := range keys {
		began := time.Now()
		n, err := b.store.RegisterOperations(b.t.Context(), key,
			chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{"1"}})
		if n != 1 || err != nil || time.Since(began) != 0 {
			b.t.Errorf("registered %d, %v, in %s", n, err, time.Since(began))
		}
	}
}

func (b *bundle) wantLog(lines ...string) {
	b.t.Helper()
	synctest.Wait()
	got := strings.Split(strings.TrimSuffix(b.log.String(), "\n"), "\n")
	if len(got) != len(lines) {
		b.t.Fatalf("the log is\n%s\nwant %d lines", &b.log, len(lines))
	}
	for i, line := range lines {
		if !strings.Contains(got[i], line) {
			b.t.Errorf("line %d of the log lacks %q: %s", i+1, line, got[i])
		}
	}
}
