package aftercommit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/aftercommit"
)

func TestCommitted(t *testing.T) {
	each(t, func(t *testing.T, b *bundle, run form) {
		err := run(t.Context(), b, b.store, func(exec exec, changes *aftercommit.Changes) error {
			if err := errors.Join(add(exec, changes, 1), add(exec, changes, 2)); err != nil {
				return err
			}
			if err := exec("UPDATE users SET id = 3 WHERE id = 2"); err != nil {
				return err
			}
			changes.Delete("users", 2)
			changes.Insert("users", 3)
			changes.Update("totals", "all")
			if n, err := b.store.OperationsCount(t.Context(), "users"); n != 0 || err != nil {
				t.Errorf("%d operations are registered before the commit, %v", n, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b.wantRows(t, 1, 3)
		b.wantRegistered(t, "users", "insert 1", "insert 2", "delete 2", "insert 3")
		b.wantRegistered(t, "totals", "update all")
	})
}

// TestNoChanges: a transaction that changed nothing that is synced needs no storage.
func TestNoChanges(t *testing.T) {
	each(t, func(t *testing.T, b *bundle, run form) {
		err := run(t.Context(), b, nil,
			func(exec exec, _ *aftercommit.Changes) error { return exec(insertUser, 1, "ann") })
		if err != nil {
			t.Fatal(err)
		}
		b.wantRows(t, 1)
	})
}

// TestRolledBack: whatever ends a transaction without its commit, nothing is registered and nothing is left open.
func TestRolledBack(t *testing.T) {
	refused := errors.New("the application refuses")
	tests := map[string]struct {
		do   func(exec exec, changes *aftercommit.Changes, cancel func()) error
		want func(error) bool
	}{
		"error": {
			func(exec, *aftercommit.Changes, func()) error { return refused },
			func(err error) bool { return errors.Is(err, refused) },
		},
		"deferred constraint": {
			func(exec exec, _ *aftercommit.Changes, _ func()) error {
				return exec("INSERT INTO users VALUES (2, 'bob', 99)")
			},
			func(err error) bool {
				var refusal *pgconn.PgError
				return errors.As(err, &refusal) && refusal.Code == "23503" && strings.HasPrefix(err.Error(), "commit: ")
			},
		},
		"broken transaction": {
			func(exec exec, _ *aftercommit.Changes, _ func()) error {
				// The application swallows this error: PostgreSQL rolls back when it is told to commit.
				_ = exec("SELECT 1/0")
				return nil
			},
			func(err error) bool { return err != nil && strings.Contains(err.Error(), "rollback") },
		},
		"bad primary key": {
			func(_ exec, changes *aftercommit.Changes, _ func()) error {
				changes.Update("users", strings.Repeat("x", chferry.MaxPrimaryKeyBytes+1))
				return nil
			},
			func(err error) bool {
				return chferry.CodeOf(err) == chferry.CodeInvalid &&
					strings.HasPrefix(err.Error(), "not committed: change 2 of import key users: ")
			},
		},
		"cancelled": {
			func(_ exec, _ *aftercommit.Changes, cancel func()) error { cancel(); return nil },
			func(err error) bool { return errors.Is(err, context.Canceled) },
		},
	}
	each(t, func(t *testing.T, b *bundle, run form) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				err := run(ctx, b, b.store, func(exec exec, changes *aftercommit.Changes) error {
					if err := add(exec, changes, 1); err != nil {
						return err
					}
					return test.do(exec, changes, cancel)
				})
				if !test.want(err) {
					t.Errorf("got error %v", err)
				}
				b.wantRows(t)
				b.wantRegistered(t, "users")
			})
		}
	})
}

// TestPanic goes on, behind a rollback.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SQL", "Pgx"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			func() {
				defer func() {
					if got := recover(); got != "out of luck" {
						t.Errorf("recovered %v", got)
					}
				}()
				err := forms[name](t.Context(), b, b.store, func(exec exec, changes *aftercommit.Changes) error {
					if err := add(exec, changes, 1); err != nil {
						return err
					}
					panic("out of luck")
				})
				t.Errorf("returned %v", err)
			}()
			b.wantRows(t)
			b.wantRegistered(t, "users")
		})
	}
}

func TestNoBegin(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"SQL", "Pgx"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			err := forms[name](ctx, b, b.store, func(exec, *aftercommit.Changes) error {
				t.Error("it ran")
				return nil
			})
			if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "begin: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// hooked calls before in front of every registration.
type hooked struct {
	storage.Registrar
	before func()
}

// RegisterOperations implements storage.Registrar.
func (h hooked) RegisterOperations(ctx context.Context, key chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	h.before()
	return h.Registrar.RegisterOperations(ctx, key, ops...)
}

// TestCancelledAfterCommit: the client that went away took nothing with it.
func TestCancelledAfterCommit(t *testing.T) {
	each(t, func(t *testing.T, b *bundle, run form) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := run(ctx, b, hooked{b.store, cancel},
			func(exec exec, changes *aftercommit.Changes) error { return add(exec, changes, 1) })
		if err != nil || ctx.Err() == nil {
			t.Fatalf("got %v, and the context ended with %v", err, ctx.Err())
		}
		b.wantRows(t, 1)
		b.wantRegistered(t, "users", "insert 1")
	})
}

// TestStorageDown: the transaction is committed, and its operations come back with the error, to be registered later.
func TestStorageDown(t *testing.T) {
	server := testenv.Private(t, embedded.StartRedis, embedded.Options{})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, b *bundle, run form) {
		err := run(t.Context(), b, openStore(t, server.URL), func(exec exec, changes *aftercommit.Changes) error {
			changes.Timeout = 200 * time.Millisecond
			changes.Update("totals", "hidden")
			return add(exec, changes, 1)
		})
		lost := wantLost(t, err, 2)
		for _, want := range []string{
			"the transaction is committed, but 2 operations of import keys totals, users",
			server.Addr, "does not answer",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("the error lacks %q: %v", want, err)
			}
		}
		if chferry.CodeOf(err) != chferry.CodeUnavailable || strings.Contains(err.Error(), "hidden") {
			t.Errorf("the error is %v (%s)", err, chferry.CodeOf(err))
		}
		b.wantRows(t, 1)
		if err := lost.Changes.Register(t.Context(), b.store); err != nil {
			t.Fatal(err)
		}
		b.wantRegistered(t, "users", "insert 1")
		b.wantRegistered(t, "totals", "update hidden")
	})
}

// TestStorageComesBack: what a storage that is down refuses at first is registered once it is up again.
func TestStorageComesBack(t *testing.T) {
	t.Parallel()
	b, server := setup(t), testenv.Private(t, embedded.StartRedis, embedded.Options{})
	b.store = openStore(t, server.URL)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	calls := 0
	before := func() {
		if calls++; calls == 3 {
			if err := server.Restart(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	err := runPgx(t.Context(), b, hooked{b.store, before}, func(exec exec, changes *aftercommit.Changes) error {
		changes.Timeout = time.Minute
		return add(exec, changes, 1)
	})
	if err != nil || calls < 3 {
		t.Fatalf("got %v after %d calls", err, calls)
	}
	b.wantRows(t, 1)
	b.wantRegistered(t, "users", "insert 1")
}
