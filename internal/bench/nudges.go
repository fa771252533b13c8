package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
)

// Many import keys are nudged, and a few of them all the time. Their ticks are too rare to matter.
const (
	nudgedKeys   = 300
	busyKeys     = 20
	busyEvery    = time.Second
	busySaves    = 40 // of each busy key
	nudgeLooking = 50 * time.Millisecond
)

// benchNudges measures how soon saves are seen where many import keys have sync_on_register, and what that takes.
func benchNudges(ctx context.Context, out io.Writer) error {
	var imports strings.Builder
	for i := range nudgedKeys {
		fmt.Fprintf(&imports, "\n  - {key: %[1]s, table: saves, destination: {table: %[1]s}, schedule: {every: 5m, "+
			"jitter: 5m}, sync_on_register: true}",
			busyKey(i))
	}
	data := content{
		tables:  "CREATE TABLE saves (id bigint PRIMARY KEY, name text NOT NULL)",
		imports: imports.String() + "\n",
	}
	return onStack(ctx, embedded.StartClickHouse, data, func(s *stack) error {
		b := &temporalBench{stack: s}
		if err := b.connect(ctx); err != nil {
			return err
		}
		figures, err := b.nudges(ctx, data)
		if err == nil {
			err = write(out, "Many import keys that are nudged, on Temporal's development server", figures)
		}
		return errors.Join(err, b.close(ctx))
	})
}

func busyKey(i int) chferry.ImportKey { return chferry.ImportKey(fmt.Sprintf("nudged%03d", i)) }

// nudges lets each busy key have one save a second, and sees when each row arrives.
func (b *temporalBench) nudges(ctx context.Context, data content) ([]*figure, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.configure(ctx, data.imports+fmt.Sprintf("api: {listen: %q}\n", address)); err != nil {
		return nil, err
	}
	api, err := b.run("api")
	if err != nil {
		return nil, err
	}
	defer api.Stop(ctx)
	if err := ready(ctx, address); err != nil {
		return nil, err
	}
	seen := &sightings{saved: map[int]time.Time{}, seconds: map[int]float64{}}
	before, err := processorTime()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	group, working := errgroup.WithContext(ctx)
	group.Go(func() error { return b.saveBusy(working, address, seen) })
	group.Go(func() error { return b.look(working, seen) })
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("%w; the worker says: %s; the API: %s", err, b.worker.LastLines(), api.LastLines())
	}
	took := time.Since(began).Seconds()
	after, err := processorTime()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("a save is seen, %d keys, %d of them saved to every %s", nudgedKeys, busyKeys, busyEvery)
	by, total := spent(before, after)
	figures := append(quantiles(seen.all(), name), cores("CPU of all processes meanwhile", total/took))
	for _, process := range slices.Sorted(maps.Keys(by)) {
		if share := by[process] / took; share >= 0.01 {
			figures = append(figures, cores("of them "+process, share))
		}
	}
	return figures, nil
}

func cores(name string, n float64) *figure {
	return &figure{name: name, format: "%.2f cores", values: []float64{n}}
}

// quantiles are the figures of very many saves.
func quantiles(sorted []float64, name string) []*figure {
	at := func(quantile float64) []float64 { return []float64{sorted[int(quantile*float64(len(sorted)-1))]} }
	return []*figure{
		{name: fmt.Sprintf("%s: p50 of %d", name, len(sorted)), format: "%.2f s", values: at(0.5), goal: "≤ 0.4 s"},
		{name: fmt.Sprintf("%s: p99", name), format: "%.2f s", values: at(0.99), goal: "≤ 1.5 s"},
	}
}

// sightings are when rows were saved, and how long each took to be seen.
type sightings struct {
	mu      sync.Mutex
	saved   map[int]time.Time // rows that are not seen yet
	seconds map[int]float64   // rows that are
}

func (s *sightings) save(id int, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved[id] = at
}

// see notes the rows that are there, and returns how many were seen in all.
func (s *sightings) see(ids []uint64, at time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if saved, ok := s.saved[int(id)]; ok {
			s.seconds[int(id)] = at.Sub(saved).Seconds()
			delete(s.saved, int(id))
		}
	}
	return len(s.seconds)
}

// first returns the least row that is not seen yet.
func (s *sightings) first() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := busyKeys * busySaves
	for id := range s.saved {
		first = min(first, id)
	}
	return first
}

// all returns the seconds that the rows took, the shortest first.
func (s *sightings) all() []float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	sorted := make([]float64, 0, len(s.seconds))
	for _, seconds := range s.seconds {
		sorted = append(sorted, seconds)
	}
	slices.Sort(sorted)
	return sorted
}

// saveBusy saves a row of each busy key every second, the keys spread over the second.
func (b *temporalBench) saveBusy(ctx context.Context, address string, seen *sightings) error {
	next := time.Now()
	for id := range busyKeys * busySaves {
		if err := sleep(ctx, time.Until(next)); err != nil {
			return err
		}
		next = next.Add(busyEvery / busyKeys)
		seen.save(id, time.Now())
		if _, err := b.source.Exec(ctx, "INSERT INTO saves VALUES ($1, 'ann')", id); err != nil {
			return err
		}
		if err := post(ctx, address, busyKey(id%busyKeys), id); err != nil {
			return err
		}
	}
	return nil
}

// look asks ClickHouse for new rows until all are there.
func (b *temporalBench) look(ctx context.Context, seen *sightings) error {
	for began := time.Now(); ; {
		rows, err := b.target.Query(ctx,
			"SELECT toUInt64(id) FROM merge(currentDatabase(), '^nudged0[01][0-9]$') WHERE id >= ?", seen.first())
		if err != nil {
			return err
		}
		now := time.Now()
		var ids []uint64
		for rows.Next() {
			var id uint64
			if err := rows.Scan(&id); err != nil {
				return errors.Join(err, rows.Close())
			}
			ids = append(ids, id)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		if seen.see(ids, now) == busyKeys*busySaves {
			return nil
		}
		if time.Since(began) > busySaves*busyEvery+2*time.Minute {
			return errors.New("rows do not arrive")
		}
		if err := sleep(ctx, nudgeLooking); err != nil {
			return err
		}
	}
}
