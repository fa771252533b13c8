package aftercommit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage/aftercommit"
)

// isCommit tells a request that commits.
func isCommit(request []byte) bool { return bytes.Contains(request, []byte("commit\x00")) }

// wantUnknown checks that the error is of a commit whose outcome nobody knows, and brings so many operations.
func wantUnknown(t *testing.T, err error, operations int, text string) *aftercommit.NotRegisteredError {
	t.Helper()
	var lost *aftercommit.NotRegisteredError
	if !errors.As(err, &lost) || lost.Commit == nil || !errors.Is(err, lost.Commit) ||
		lost.Changes.Len() != operations {
		t.Fatalf("got %v, want that nobody knows about %d operations", err, operations)
	}
	if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %q, want %q in it", err, text)
	}
	return lost
}

// TestLostAnswer: the server has committed and nobody heard of it. The operations are registered,
// and come back with the error to be registered again.
func TestLostAnswer(t *testing.T) {
	each(t, func(t *testing.T, b *bundle, run form) {
		p := testenv.NewProxy(t, b.url)
		cut := &bundle{url: p.URL, store: b.store}
		cut.connect(t)
		p.LoseAnswer(isCommit)
		err := run(t.Context(), cut, b.store, func(exec exec, changes *aftercommit.Changes) error {
			changes.Update("totals", "hidden")
			return add(exec, changes, 1)
		})
		lost := wantUnknown(t, err, 2,
			"nobody knows whether the transaction is committed: its 2 operations of import "+
				"keys totals, users are registered")
		if !strings.HasPrefix(err.Error(), "commit: ") || lost.Err != nil {
			t.Errorf("got %v because of %v, want the error of the commit alone", err, lost.Err)
		}
		b.wantRows(t, 1)
		b.wantRegistered(t, "users", "insert 1")
		b.wantRegistered(t, "totals", "update hidden")

		// What was registered has to be registered again like what was not.
		p.LoseAnswer(isCommit)
		full := &registrar{fails: map[chferry.ImportKey]error{"users": chferry.Errorf(chferry.CodeQueueFull, "full")}}
		err = run(t.Context(), cut, full, func(exec exec, changes *aftercommit.Changes) error {
			changes.Update("totals", "hidden")
			return add(exec, changes, 2)
		})
		lost = wantUnknown(t, err, 2, "nobody knows whether the transaction is committed, and 1 operations of import "+
			"keys totals, users were not registered: full")
		if chferry.CodeOf(err) != chferry.CodeQueueFull ||
			!slices.Equal(full.calls, []string{"totals: update hidden"}) {
			t.Errorf("registered %q, %v (%s)", full.calls, err, chferry.CodeOf(err))
		}
		full.calls = nil
		if err := lost.Changes.Register(t.Context(), full); err != nil ||
			!slices.Equal(full.calls, []string{"totals: update hidden", "users: insert 2"}) {
			t.Errorf("then registered %q, %v", full.calls, err)
		}

		p.LoseAnswer(isCommit)
		err = run(t.Context(), cut, nil,
			func(exec exec, _ *aftercommit.Changes) error { return exec(insertUser, 3, "ann") })
		var unknown *aftercommit.NotRegisteredError
		if err == nil || errors.As(err, &unknown) || !strings.HasPrefix(err.Error(), "commit: ") {
			t.Errorf("without changes: got %v", err)
		}
		b.wantRows(t, 1, 2, 3)
	})
}

// TestLateCommit: the client gave up, a sync read the row as it was, and only then the commit takes
// effect. Its operation can be registered again.
func TestLateCommit(t *testing.T) {
	each(t, func(t *testing.T, b *bundle, run form) {
		p := testenv.NewProxy(t, b.url)
		slow := &bundle{url: p.URL, store: b.store}
		slow.connect(t)
		held := p.HoldRequest(isCommit)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { defer cancel(); held.Wait() }()
		err := run(ctx, slow, b.store,
			func(exec exec, changes *aftercommit.Changes) error { return add(exec, changes, 1) })
		lost := wantUnknown(t, err, 1, "its 1 operations of import keys users are registered")
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		b.wantRows(t)
		b.wantRegistered(t, "users", "insert 1")
		if err := b.store.Flush(t.Context(), "users"); err != nil { // as if the sync had ended
			t.Fatal(err)
		}
		held.Release()
		b.waitForRow(t, 1)
		b.wantRegistered(t, "users")
		if err := lost.Changes.Register(t.Context(), b.store); err != nil {
			t.Fatal(err)
		}
		b.wantRegistered(t, "users", "insert 1")
	})
}

// waitForRow waits until a user can be seen.
func (b *bundle) waitForRow(t *testing.T, id int64) {
	t.Helper()
	b.waitFor(t, fmt.Sprintf("SELECT EXISTS (SELECT FROM users WHERE id = %d)", id))
}

// waitFor waits until a question is answered with yes.
func (b *bundle) waitFor(t *testing.T, question string) {
	t.Helper()
	for deadline, yes := time.Now().Add(20*time.Second), false; !yes; time.Sleep(time.Millisecond) {
		if err := b.pool.QueryRow(t.Context(), question).Scan(&yes); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", question)
		}
	}
}

// TestSynchronousStandby: a commit that waits for a standby ends in three ways.
func TestSynchronousStandby(t *testing.T) {
	t.Parallel()
	const waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	server := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true, Args: []string{
		"-c", "synchronous_commit=on", "-c", "synchronous_standby_names=nobody",
	}})
	b := &bundle{url: server.URL, store: openStore(t, testenv.Redis(t))}
	b.connect(t)
	b.exec(t, "SET LOCAL synchronous_commit = local;"+schema)
	for i, name := range slices.Sorted(maps.Keys(forms)) {
		id := int64(10 * i)
		commit := func(ctx context.Context, end func(), id int64) error {
			ended := make(chan error, 1)
			go func() {
				ended <- forms[name](ctx, b, b.store,
					func(exec exec, changes *aftercommit.Changes) error { return add(exec, changes, id) })
			}()
			b.waitFor(t, "SELECT EXISTS (SELECT "+waiting+")")
			end()
			return <-ended
		}

		// The wait is cancelled in the database: committed, with a warning.
		cancelled := func() { b.exec(t, "SELECT pg_cancel_backend(pid) "+waiting) }
		if err := commit(t.Context(), cancelled, id); err != nil {
			t.Errorf("%s, cancelled in the database: %v", name, err)
		}
		// The session is ended: committed, but the client hears nothing of it.
		terminated := func() { b.exec(t, "SELECT pg_terminate_backend(pid) "+waiting) }
		_ = wantUnknown(t, commit(t.Context(), terminated, id+1), 1, "nobody knows")
		// The client gives up: committed all the same, sooner or later.
		ctx, cancel := context.WithCancel(t.Context())
		_ = wantUnknown(t, commit(ctx, cancel, id+2), 1, "nobody knows")
		for i := range int64(3) {
			b.waitForRow(t, id+i)
		}
		b.wantRegistered(t, "users", fmt.Sprint("insert ", id), fmt.Sprint("insert ", id+1),
			fmt.Sprint("insert ", id+2))
		if err := b.store.Flush(t.Context(), "users"); err != nil {
			t.Fatal(err)
		}
	}
}

// exec executes a statement. One that changes nothing waits for no standby.
func (b *bundle) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
