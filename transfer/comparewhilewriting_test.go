package transfer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
)

// TestCompareWhileWriting compares while rows are inserted, updated and deleted, registered up to a
// second later, and synced. It finds each row that was damaged behind the sync's back, and no other.
func TestCompareWhileWriting(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"bigint", "uuid"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			const rows = 40_000
			of := compareKeys[key].of
			s := newServers(t, testenv.ModernClickHouse(t), fmt.Sprintf(
				`CREATE TABLE items (id %s PRIMARY KEY, n bigint NOT NULL UNIQUE, word text);
				INSERT INTO items SELECT %s, n, 'first' FROM generate_series(1, %d) n`, key, compareKeys[key].of, rows))
			s.copyAll()
			damaged := s.damage(rows, of)
			stop := s.write(rows, of)
			for range 2 {
				c := s.comparing(5_000)
				c.Settle = 2500 * time.Millisecond
				wantDifferences(t, s.compare(c), slices.Clone(damaged)...)
			}
			if changes := stop(); changes < 100 {
				t.Errorf("only %d changes were made", changes)
			}
		})
	}
}

// damage changes rows whose number is divisible by 1000, and returns the differences.
func (s *servers) damage(rows int, of string) (damaged []string) {
	s.t.Helper()
	for at := 1000; at <= rows; at += 1000 {
		n := at
		var id string
		kind := []storage.DifferenceKind{storage.Stale, storage.Surplus, storage.Missing}[n/1000%3]
		row := s.pools["default"].QueryRow(s.t.Context(), "SELECT id::text FROM items WHERE n = $1", n)
		ok(s.t, row.Scan(&id))
		switch kind {
		case storage.Stale:
			s.exec(fmt.Sprintf("UPDATE items SET word = 'unknown' WHERE n = %d", n))
		case storage.Surplus:
			s.exec(fmt.Sprintf("DELETE FROM items WHERE n = %d", n))
		default:
			n = -n
			s.exec(fmt.Sprintf("INSERT INTO items SELECT %s, n, 'unknown' FROM generate_series(%d, %[2]d) n", of, n))
			row := s.pools["default"].QueryRow(s.t.Context(), "SELECT id::text FROM items WHERE n = $1", n)
			ok(s.t, row.Scan(&id))
		}
		damaged = append(damaged, string(kind)+" "+id)
	}
	return damaged
}

// write changes rows that are not damaged, registers each change within a second, and syncs, until
// it is stopped.
func (s *servers) write(rows int, of string) (stop func() (changes int64)) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var changes atomic.Int64
	var all sync.WaitGroup
	random := rand.New(rand.NewPCG(1, 2))
	all.Go(func() {
		for ctx.Err() == nil {
			ops, err := s.change(ctx, random, rows, of)
			if err != nil && ctx.Err() == nil {
				s.t.Error(err)
			}
			changes.Add(int64(len(ops)))
			late := time.Duration(random.IntN(1000)) * time.Millisecond
			all.Go(func() {
				time.Sleep(late)
				if _, err := s.store.RegisterOperations(context.WithoutCancel(ctx), s.imp.Key, ops...); err != nil {
					s.t.Error(err)
				}
			})
			time.Sleep(30 * time.Millisecond)
		}
	})
	all.Go(func() {
		for ctx.Err() == nil {
			if err := s.sync(ctx); err != nil && ctx.Err() == nil {
				s.t.Error(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
	return func() int64 {
		cancel()
		all.Wait()
		return changes.Load()
	}
}

// change changes about 40 rows: it updates some, so that they come to have the same values again, and
// deletes and inserts others.
func (s *servers) change(ctx context.Context, random *rand.Rand, rows int, of string) ([]chferry.Operation, error) {
	some := func(n int) (numbers []int) {
		for range n {
			numbers = append(numbers, 1000*random.IntN(rows/1000)+1+random.IntN(990))
		}
		return numbers
	}
	var ops []chferry.Operation
	for _, change := range []struct {
		statement string
		numbers   []int
	}{
		{
			fmt.Sprintf("UPDATE items SET word = 'word %d' WHERE n = ANY ($1) RETURNING id::text", random.IntN(3)),
			some(20),
		},
		{"DELETE FROM items WHERE n = ANY ($1) RETURNING id::text", some(10)},
		{
			"INSERT INTO items SELECT " + of + ", n, 'first' FROM unnest($1::int[]) n " +
				"ON CONFLICT DO NOTHING RETURNING id::text",
			some(15),
		},
	} {
		answer, err := s.pools["default"].Query(ctx, change.statement, change.numbers)
		if err != nil {
			return ops, err
		}
		ids, err := pgx.CollectRows(answer, pgx.RowTo[string])
		for _, id := range ids {
			ops = append(ops, chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{id}})
		}
		if err != nil {
			return ops, err
		}
	}
	return ops, nil
}
