package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/sink/clickhouse"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/storage/redis"
	"github.com/chferry/chferry/transfer"
)

// servers is one import key on real servers: a table items in PostgreSQL and in ClickHouse, with a
// queue in Redis.
type servers struct {
	t        testing.TB
	imp      chferry.Import
	store    *redis.Storage
	pools    map[string]*pgxpool.Pool // by alias
	target   driver.Conn
	pipeline *transfer.Pipeline
	syncs    int
}

// newServers runs statements in each database, which make the table, and makes the destination.
func newServers(t testing.TB, clickHouse, statements string, change ...func(*chferry.Import)) *servers {
	t.Helper()
	s := &servers{t: t, pools: map[string]*pgxpool.Pool{}}
	s.imp = chferry.Import{
		Key:       chferry.ImportKey(fmt.Sprintf("servers-%d-%d", time.Now().UnixNano(), rigs.Add(1))),
		Databases: []string{"default"}, Table: "items", DestinationTable: "items", BatchSize: 10_000,
	}
	for _, c := range change {
		c(&s.imp)
	}
	var err error
	s.store, err = redis.Open(testenv.Redis(t), redis.Options{})
	ok(t, err)
	t.Cleanup(func() { _ = s.store.Close() })
	to, err := clickhouse.Open(clickHouse, clickhouse.Options{})
	ok(t, err)
	t.Cleanup(to.Close)
	options, err := ch.ParseDSN(clickHouse)
	ok(t, err)
	s.target, err = ch.Open(options)
	ok(t, err)
	t.Cleanup(func() { _ = s.target.Close() })
	sources := source.Fixed{}
	for _, alias := range s.imp.Databases {
		url := testenv.Postgres(t)
		s.pools[alias], err = pgxpool.New(t.Context(), url)
		ok(t, err)
		t.Cleanup(s.pools[alias].Close)
		_, err = s.pools[alias].Exec(t.Context(), statements)
		ok(t, err)
		src, err := postgres.Open(url, source.Options{Alias: alias})
		ok(t, err)
		t.Cleanup(src.Close)
		sources[alias] = src
	}
	s.pipeline = &transfer.Pipeline{Storage: s.store, Sources: sources, Sink: to}
	plan, err := transfer.MakePlan(t.Context(), s.imp, sources)
	ok(t, err)
	missing, err := plan.Missing(t.Context(), to)
	ok(t, err)
	ok(t, to.Create(t.Context(), missing))
	return s
}

// exec runs statements in the first database.
func (s *servers) exec(statements string) {
	s.t.Helper()
	_, err := s.pools[s.imp.Databases[0]].Exec(s.t.Context(), statements)
	ok(s.t, err)
}

// put runs a statement in ClickHouse.
func (s *servers) put(statement string) {
	s.t.Helper()
	ok(s.t, s.target.Exec(s.t.Context(), statement))
}

func (s *servers) plan() transfer.Plan {
	s.t.Helper()
	plan, err := s.pipeline.Plan(s.t.Context(), s.imp)
	ok(s.t, err)
	return plan
}

// copyAll carries all rows into ClickHouse.
func (s *servers) copyAll() {
	s.t.Helper()
	plan := s.plan()
	cut, _, err := s.pipeline.Cut(s.t.Context(), plan, "", 1)
	ok(s.t, err)
	for _, r := range cut {
		c := &transfer.Copy{
			Pipeline: s.pipeline, Plan: plan, Database: r.Database, MaxFailed: 100,
			Mint: func(ctx context.Context) (uint64, error) { return s.store.Mint(ctx, s.imp.Key, nil) },
		}
		ok(s.t, c.Run(s.t.Context(), source.Range{After: r.After, UpTo: r.UpTo}, &work{}))
	}
}

// register registers updates of rows with one-column keys in the first database.
func (s *servers) register(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		_, err := s.store.RegisterOperations(s.t.Context(), s.imp.Key, chferry.Operation{
			Kind: chferry.Update, Database: s.imp.Databases[0], PrimaryKey: chferry.PrimaryKey{id},
		})
		ok(s.t, err)
	}
}

// sync imports what is registered.
func (s *servers) sync(ctx context.Context) error {
	s.syncs++
	claimant := fmt.Sprintf("sync %d", s.syncs)
	start, err := s.store.PreSync(ctx, s.imp.Key, storage.PreSyncOptions{Token: claimant, Lease: time.Minute})
	for err == nil && start.Claimed {
		var batch chferry.Batch
		batch, err = s.store.GetOperations(ctx, s.imp.Key, storage.GetOptions{Token: claimant, Count: s.imp.BatchSize})
		if err != nil || batch.Count == 0 {
			return err
		}
		var plan transfer.Plan
		if plan, err = s.pipeline.Plan(ctx, s.imp); err != nil {
			return err
		}
		attempt := storage.Attempt{Token: claimant, BatchID: batch.ID, Number: 1}
		run := s.pipeline.Begin(s.imp.Key, batch, transfer.Options{Attempt: attempt, MaxFailed: 100})
		result, err := run.Run(ctx, plan)
		if err != nil {
			return err
		}
		end, err := s.store.PostSync(ctx, s.imp.Key,
			storage.PostSyncOptions{Token: claimant, BatchID: batch.ID, Counts: result.Counts})
		if err != nil || end.Remaining == 0 {
			return err
		}
	}
	return err
}

// compareWork owns a range that a test compares. It notes what the comparison says of it.
type compareWork struct {
	mu       sync.Mutex
	places   []string
	compared transfer.Compared
	given    []string
	idle     bool
	save     func() error // called by each Save; nil: nothing happens
}

func (w *compareWork) Save(_ context.Context, place string, compared transfer.Compared) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.save != nil {
		if err := w.save(); err != nil {
			return false, err
		}
	}
	w.places = append(w.places, place)
	w.compared = total(w.compared, compared)
	return w.idle, nil
}

func (w *compareWork) GiveAway(_ context.Context, place string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.given = append(w.given, place)
	return nil
}

func total(a, b transfer.Compared) transfer.Compared {
	return transfer.Compared{
		Rows: a.Rows + b.Rows, Failed: a.Failed + b.Failed, Moving: a.Moving + b.Moving, Clamped: a.Clamped + b.Clamped,
		Missing: a.Missing + b.Missing, Stale: a.Stale + b.Stale, Surplus: a.Surplus + b.Surplus,
		Registered: a.Registered + b.Registered, Differences: slices.Concat(a.Differences, b.Differences),
	}
}

// comparing is a comparison of pages of a few rows.
func (s *servers) comparing(rows int) *transfer.Compare {
	s.t.Helper()
	return &transfer.Compare{
		Pipeline: s.pipeline, Plan: s.plan(), Database: s.imp.Databases[0], Queue: s.store, Settle: time.Millisecond,
		Pace: func(_ context.Context, wanted int) (int, error) { return min(wanted, rows), nil },
	}
}

// compare compares all ranges of the table as a change of c says, and those that are given away.
func (s *servers) compare(c *transfer.Compare) (all transfer.Compared) {
	s.t.Helper()
	cut, _, err := s.pipeline.CutToCompare(s.t.Context(), c.Plan, c.Where, 4)
	ok(s.t, err)
	for len(cut) > 0 {
		r := cut[0]
		cut = cut[1:]
		w := &compareWork{idle: true}
		one := *c
		one.Database, one.Pass = r.Database, r.Pass
		ok(s.t, one.Run(s.t.Context(), source.Range{After: r.After, UpTo: r.UpTo}, w))
		all = total(all, w.compared)
		for _, place := range w.given {
			half := r
			half.After, r.UpTo = place, place
			cut = append(cut, half)
		}
	}
	return all
}

// differences are those that were found, each as its kind and its key, sorted.
func differences(c transfer.Compared) []string {
	var list []string
	for _, d := range c.Differences {
		list = append(list, string(d.Kind)+" "+strings.Join(d.PrimaryKey, ","))
	}
	slices.Sort(list)
	return list
}

func wantDifferences(t testing.TB, got transfer.Compared, want ...string) {
	t.Helper()
	slices.Sort(want)
	if list := differences(got); !slices.Equal(list, want) {
		t.Errorf("got differences %q, want %q", list, want)
	}
	counts := map[storage.DifferenceKind]int64{}
	for _, d := range got.Differences {
		counts[d.Kind]++
	}
	if counts[storage.Missing] != got.Missing || counts[storage.Stale] != got.Stale ||
		counts[storage.Surplus] != got.Surplus {
		t.Errorf("%d missing, %d stale and %d surplus rows were counted, of %d differences", got.Missing, got.Stale,
			got.Surplus, len(got.Differences))
	}
}

// interrupted compares a range, of which each attempt dies when it saves its third page.
func (s *servers) interrupted(c *transfer.Compare, after, upTo string) transfer.Compared {
	s.t.Helper()
	died := errors.New("died")
	w := &compareWork{}
	for range 100 {
		saves := 0
		w.save = func() error {
			if saves++; saves == 3 {
				return died
			}
			return nil
		}
		err := c.Run(s.t.Context(), source.Range{After: after, UpTo: upTo}, w)
		if err == nil {
			return w.compared
		}
		if !errors.Is(err, died) {
			s.t.Fatal(err)
		}
		after = w.places[len(w.places)-1]
	}
	s.t.Fatal("the comparison does not get to its end")
	return transfer.Compared{}
}
