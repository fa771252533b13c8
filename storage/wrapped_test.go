package storage_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// registrar remembers what it was sent and answers with err.
type registrar struct {
	sent []chferry.Operation
	err  error
}

func (r *registrar) RegisterOperations(_ context.Context, _ chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	r.sent = append(r.sent, ops...)
	if r.err != nil {
		return 0, r.err
	}
	return len(ops), nil
}

type observed struct {
	key     chferry.ImportKey
	counts  map[chferry.Kind]int
	seconds float64
	err     error
}

type observer struct{ calls []observed }

func (o *observer) Registered(key chferry.ImportKey, counts map[chferry.Kind]int, seconds float64, err error) {
	o.calls = append(o.calls, observed{key, counts, seconds, err})
}

func op(kind chferry.Kind, pk ...string) chferry.Operation {
	return chferry.Operation{Kind: kind, Database: "shop-db", PrimaryKey: pk}
}

func TestRegisterOperationsWrapped(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	next, seen := &registrar{}, &observer{}
	wrapped := storage.RegisterOperationsWrapped(next, seen,
		slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	n, err := wrapped.RegisterOperations(t.Context(), "users", op(chferry.Insert, "pk-1"), op(chferry.Insert, "pk-2"),
		op(chferry.Delete, "pk-3", "b"))
	if n != 3 || err != nil {
		t.Fatalf("got %d, %v; want 3", n, err)
	}
	if len(next.sent) != 3 || next.sent[2].PrimaryKey[1] != "b" {
		t.Errorf("sent %v", next.sent)
	}
	if len(seen.calls) != 1 {
		t.Fatalf("observed %v, want one call", seen.calls)
	}
	call := seen.calls[0]
	if call.key != "users" || !maps.Equal(call.counts, map[chferry.Kind]int{chferry.Insert: 2, chferry.Delete: 1}) ||
		call.seconds < 0 || call.err != nil {
		t.Errorf("observed %+v", call)
	}
	if got := log.String(); !strings.Contains(got, "import_key=users operations=3") || strings.Contains(got, "pk-") ||
		strings.Contains(got, "shop-db") {
		t.Errorf("log: %s", got)
	}
}

func TestRegisterOperationsWrappedFailure(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	down := chferry.WrapError(chferry.CodeUnavailable, errors.New("dial pk-1"), "Redis does not answer")
	next, seen := &registrar{err: down}, &observer{}
	wrapped := storage.RegisterOperationsWrapped(next, seen,
		slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	n, err := wrapped.RegisterOperations(t.Context(), "users", op(chferry.Insert, "pk-1"))
	if n != 0 || !errors.Is(err, down) {
		t.Errorf("got %d, %v; want the storage's error", n, err)
	}
	if len(seen.calls) != 1 || !errors.Is(seen.calls[0].err, down) {
		t.Errorf("observed %+v, want the storage's error", seen.calls)
	}
	if got := log.String(); !strings.Contains(got, "code=Unavailable") || strings.Contains(got, "pk-") {
		t.Errorf("log: %s", got)
	}
}

func TestRegisterOperationsWrappedRefuses(t *testing.T) {
	t.Parallel()
	many := make([]chferry.Operation, chferry.MaxOperations+1)
	for i := range many {
		many[i] = op(chferry.Insert, "1")
	}
	tests := map[string]struct {
		key  chferry.ImportKey
		ops  []chferry.Operation
		want chferry.Code
	}{
		"key":      {"a b", []chferry.Operation{op(chferry.Insert, "1")}, chferry.CodeInvalid},
		"kind":     {"users", []chferry.Operation{op(chferry.Insert, "1"), op("upsert", "1")}, chferry.CodeInvalid},
		"no pk":    {"users", []chferry.Operation{op(chferry.Insert)}, chferry.CodeInvalid},
		"no value": {"users", []chferry.Operation{op(chferry.Insert, ""), op(chferry.Insert)}, chferry.CodeInvalid},
		"too many": {"users", many, chferry.CodeTooLarge},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next, seen := &registrar{}, &observer{}
			n, err := storage.RegisterOperationsWrapped(next, seen,
				slog.New(slog.DiscardHandler)).RegisterOperations(t.Context(), test.key, test.ops...)
			if n != 0 || chferry.CodeOf(err) != test.want {
				t.Errorf("got %d, %v (%s); want %s", n, err, chferry.CodeOf(err), test.want)
			}
			if len(next.sent) != 0 || len(seen.calls) != 0 {
				t.Errorf("sent %d operations, observed %d calls; want none", len(next.sent), len(seen.calls))
			}
		})
	}
}
