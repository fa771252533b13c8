package aftercommit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage/aftercommit"
)

// registrar keeps its calls. The first call of an import key with an error fails, or all if it always fails.
type registrar struct {
	calls  []string // such as "users: insert 1, update 2"
	fails  map[chferry.ImportKey]error
	always bool
}

// RegisterOperations implements storage.Registrar.
func (r *registrar) RegisterOperations(_ context.Context, key chferry.ImportKey,
	ops ...chferry.Operation,
) (int, error) {
	if err := r.fails[key]; err != nil {
		if !r.always {
			delete(r.fails, key)
		}
		return 0, err
	}
	shown := make([]string, len(ops))
	for i, op := range ops {
		shown[i] = show(op)
	}
	r.calls = append(r.calls, fmt.Sprintf("%s: %s", key, strings.Join(shown, ", ")))
	return len(ops), nil
}

type userID int64

func TestPrimaryKeys(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	n := 7
	tests := map[string]struct {
		pk   any
		want string // "": refused
	}{
		"string":        {"a b", "a b"},
		"int":           {42, "42"},
		"negative":      {int64(math.MinInt64), "-9223372036854775808"},
		"uint32":        {uint32(math.MaxUint32), "4294967295"},
		"named":         {userID(42), "42"},
		"pointer":       {&n, "7"},
		"bool":          {true, "true"},
		"uuid":          {id, id.String()},
		"pgtype uuid":   {pgtype.UUID{Bytes: id, Valid: true}, id.String()},
		"null string":   {sql.NullString{String: "x", Valid: true}, "x"},
		"composite":     {[]any{7, "x"}, "7,x"},
		"empty texts":   {[]any{"", 7, ""}, ",7,"},
		"primary key":   {chferry.PrimaryKey{"7", "42"}, "7,42"},
		"nothing":       {nil, ""},
		"nil pointer":   {(*int)(nil), ""},
		"null":          {sql.NullString{String: "hidden"}, ""},
		"float":         {1.5, ""},
		"time":          {time.Now(), ""},
		"bytes":         {[]byte("hidden"), ""},
		"array":         {[16]byte(id), ""},
		"list of texts": {[]string{"hidden", "2"}, ""}, // rows, or a composite key? nobody knows
		"list of none":  {[]any{}, ""},
		"part of none":  {[]any{7, nil}, ""},
		"huge":          {uint64(math.MaxUint64), ""},
		"struct":        {struct{ ID string }{"hidden"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changes aftercommit.Changes
			changes.Insert("users", 1)
			changes.Update("users", test.pk)
			changes.Delete("users", 3)
			err := changes.Validate()
			var r registrar
			registered := changes.Register(t.Context(), &r)
			if test.want != "" {
				if want := []string{"users: insert 1, update " + test.want + ", delete 3"}; err != nil ||
					registered != nil || !slices.Equal(r.calls, want) {
					t.Errorf("registered %q, %v, %v; want %q", r.calls, err, registered, want)
				}
				return
			}
			if chferry.CodeOf(err) != chferry.CodeInvalid ||
				!strings.Contains(err.Error(), "change 2 of import key users: ") ||
				strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error is %v (%s)", err, chferry.CodeOf(err))
			}
			// Whoever has committed without asking is told, and the others are registered.
			if want := []string{"users: insert 1, delete 3"}; !errors.Is(registered, err) ||
				!slices.Equal(r.calls, want) {
				t.Errorf("registered %q, %v; want %q and the same error", r.calls, registered, want)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*aftercommit.Changes){
		"import key": func(c *aftercommit.Changes) { c.Insert("1 a", 1) },
		"kind": func(c *aftercommit.Changes) {
			c.Add("users", chferry.Operation{Kind: "upsert", PrimaryKey: chferry.PrimaryKey{"1"}})
		},
		"no key": func(c *aftercommit.Changes) { c.Add("users", chferry.Operation{Kind: chferry.Update}) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var changes aftercommit.Changes
			change(&changes)
			first := changes.Validate()
			changes.Insert("users", nil)
			if chferry.CodeOf(first) != chferry.CodeInvalid || !errors.Is(changes.Validate(), first) ||
				changes.Len() != 0 {
				t.Errorf("got %v, then %v, and %d operations", first, changes.Validate(), changes.Len())
			}
		})
	}
}

// TestCalls: a call for each import key, of as many operations as one may have, in the order of the changes.
func TestCalls(t *testing.T) {
	t.Parallel()
	var changes aftercommit.Changes
	changes.Update("orders", []any{7, 42}, []any{7, 43})
	changes.Delete("users", 1)
	changes.Add("orders", chferry.Operation{
		Kind: chferry.Delete, Database: "eu", PrimaryKey: chferry.PrimaryKey{"8", "1"},
	})
	changes.Insert("users", 2)
	changes.Insert("users") // nothing
	var r registrar
	if err := changes.Register(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	want := []string{"orders: update 7,42, update 7,43, delete 8,1 of eu", "users: delete 1, insert 2"}
	if !slices.Equal(r.calls, want) {
		t.Errorf("registered %q, want %q", r.calls, want)
	}
	if err := changes.Register(t.Context(), &r); err != nil || len(r.calls) != len(want) || changes.Len() != 0 {
		t.Errorf("what was registered is registered again: %q, %v", r.calls, err)
	}
}

func TestManyCalls(t *testing.T) {
	t.Parallel()
	const n = 2*chferry.MaxOperations + 1
	var changes aftercommit.Changes
	for id := range n {
		changes.Insert("users", id)
	}
	sizes, next := []int{}, 0
	for key, ops := range changes.All() {
		sizes = append(sizes, len(ops))
		for _, op := range ops {
			if want := fmt.Sprintf("insert %d", next); show(op) != want || key != "users" {
				t.Fatalf("operation %d of %s is %s", next, key, show(op))
			}
			next++
		}
	}
	if want := []int{chferry.MaxOperations, chferry.MaxOperations, 1}; !slices.Equal(sizes, want) ||
		changes.Len() != n {
		t.Errorf("calls of %v operations, want %v", sizes, want)
	}
	for range changes.All() {
		break // whoever has seen enough may stop
	}
	store := openStore(t, testenv.Redis(t))
	if err := changes.Register(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	if got, err := store.OperationsCount(t.Context(), "users"); err != nil || got != n {
		t.Errorf("%d operations are kept, %v; want %d", got, err, n)
	}
}

// TestOneKeyFails: an import key that can't be registered stops no other. What comes after the call
// that failed waits for it.
func TestOneKeyFails(t *testing.T) {
	t.Parallel()
	full := chferry.Errorf(chferry.CodeQueueFull, "the queue of users is full")
	r := &registrar{fails: map[chferry.ImportKey]error{"users": fmt.Errorf("hidden: %w", full)}}
	var changes aftercommit.Changes
	for id := range chferry.MaxOperations + 1 {
		changes.Insert("users", id)
	}
	changes.Insert("orders", 1)
	err := changes.Register(t.Context(), r)
	lost := wantLost(t, err, chferry.MaxOperations+1)
	if want := "the transaction is committed, but 10001 operations of import keys users were not registered: the " +
		"queue of users is full: register them again"; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
	if chferry.CodeOf(err) != chferry.CodeQueueFull || !slices.Equal(r.calls, []string{"orders: insert 1"}) {
		t.Errorf("registered %q, %v", r.calls, err)
	}
	if err := lost.Changes.Register(t.Context(), r); err != nil || len(r.calls) != 3 {
		t.Errorf("then registered %q, %v", r.calls, err)
	}
}

// TestForeignError: an error that is not chferry's may hold anything.
func TestForeignError(t *testing.T) {
	t.Parallel()
	foreign := errors.New("hidden")
	changes := aftercommit.Changes{Timeout: 60 * time.Millisecond}
	changes.Insert("users", 1)
	err := changes.Register(t.Context(), &registrar{always: true, fails: map[chferry.ImportKey]error{"users": foreign}})
	_ = wantLost(t, err, 1)
	if strings.Contains(err.Error(), "hidden") || !errors.Is(err, foreign) {
		t.Errorf("the error is %v", err)
	}
}

// wantLost checks that the error is of a committed transaction with so many operations left.
func wantLost(t *testing.T, err error, operations int) *aftercommit.NotRegisteredError {
	t.Helper()
	var lost *aftercommit.NotRegisteredError
	if !errors.As(err, &lost) || lost.Changes.Len() != operations || lost.Commit != nil {
		t.Fatalf("got %v, want that %d operations are not registered", err, operations)
	}
	return lost
}
