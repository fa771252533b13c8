package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/workflows"
)

// damagedContent is a table that is damaged on both sides while it is synced.
var damagedContent = content{
	tables: tenColumns("damaged", "bigint", "n", million) + "VACUUM ANALYZE",
	imports: `
  - {key: damaged, table: damaged, destination: {table: copied_damaged}, schedule: {every: 1s}}
`,
}

// benchDamages measures what a verify finds and mends while writes go on.
func benchDamages(ctx context.Context, out io.Writer) error {
	return onStack(ctx, embedded.StartModernClickHouse, damagedContent, func(s *stack) error {
		figures, err := s.damaged(ctx)
		if err != nil {
			return err
		}
		return write(out, "A verify of a damaged table on the modern engine, once", figures)
	})
}

// damages are done to the table damaged and its copy: one row in 10,000 on each side, half of them
// changed and half of them deleted. Nobody registers that.
var damages = struct{ source, copied []string }{
	source: []string{
		"UPDATE damaged SET name = 'damaged' WHERE id % 20000 = 1", "DELETE FROM damaged WHERE id % 20000 = 10001",
	},
	copied: []string{
		"INSERT INTO copied_damaged (%[1]s, hash, _version, _is_deleted) " +
			"SELECT %[1]s, 'damaged', _version + 1, 0 FROM copied_damaged WHERE id %% 20000 = 2",
		"INSERT INTO copied_damaged (%[1]s, hash, _version, _is_deleted) " +
			"SELECT %[1]s, hash, _version + 1, 1 FROM copied_damaged WHERE id %% 20000 = 10002",
	},
}

// done is what damages come to in a million rows.
var done = workflows.VerifyResult{Missing: 50, Stale: 100, Surplus: 50}

// changesEvery is after what time the next of the registered changes come, changesAtOnce how many.
const (
	changesEvery  = 100 * time.Millisecond
	changesAtOnce = 100
)

// damaged measures what a verify finds of damages, and mends, while changes are registered and synced.
func (s *stack) damaged(ctx context.Context) ([]*figure, error) {
	found := &figure{
		name:   "1M rows, 1 in 10,000 damaged on each side, 1,000 registered changes/s meanwhile: differences found",
		format: "%.0f", goal: "200",
	}
	wrong := &figure{name: "of them, or of the damages, more or fewer than were done", format: "%.0f", goal: "0"}
	changes := &figure{name: "changes registered a second meanwhile", format: "%.0f", goal: "1,000"}
	after := &figure{name: "differences after the repair", format: "%.0f", goal: "0"}
	if _, err := s.backfill(ctx, "damaged", million); err != nil {
		return nil, err
	}
	if err := s.damage(ctx); err != nil {
		return nil, err
	}
	changing, stop := context.WithCancel(ctx)
	defer stop()
	rate := make(chan float64, 1)
	failed := make(chan error, 1)
	go func() {
		perSecond, err := s.change(changing)
		rate <- perSecond
		failed <- err
	}()
	result, err := s.verify(ctx, "damaged", true)
	stop()
	changes.add(<-rate)
	if changeErr := <-failed; err == nil {
		err = changeErr
	}
	if err != nil {
		return nil, err
	}
	found.add(float64(result.Missing + result.Stale + result.Surplus))
	wrong.add(float64(distance(result.Missing, done.Missing) + distance(result.Stale, done.Stale) +
		distance(result.Surplus, done.Surplus)))
	if err := s.drained(ctx, "damaged"); err != nil {
		return nil, err
	}
	if result, err = s.verify(ctx, "damaged", false); err != nil {
		return nil, err
	}
	after.add(float64(result.Missing + result.Stale + result.Surplus))
	return []*figure{found, wrong, changes, after}, nil
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

func (s *stack) damage(ctx context.Context) error {
	if err := s.load(ctx, strings.Join(damages.source, ";")); err != nil {
		return err
	}
	for _, statement := range damages.copied {
		const columns = "id, name, age, score, balance, created, active, born, note"
		if err := s.target.Exec(ctx, fmt.Sprintf(statement, columns)); err != nil {
			return err
		}
	}
	return nil
}

// change changes rows that are not damaged, and registers that, until ctx ends.
func (s *stack) change(ctx context.Context) (perSecond float64, err error) {
	conn, err := pgx.Connect(context.WithoutCancel(ctx), s.postgres.URL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	began, n := time.Now(), 0
	for next := began; ctx.Err() == nil; next = next.Add(changesEvery) {
		if sleep(ctx, time.Until(next)) != nil {
			break
		}
		first := 20_000*rand.IntN(million/20_000) + 100 + rand.IntN(9_000)
		// To the end, for a change that is not registered would be a difference.
		going := context.WithoutCancel(ctx)
		_, err := conn.Exec(going, "UPDATE damaged SET score = score + 1 WHERE id >= $1 AND id < $2", first,
			first+changesAtOnce)
		if err != nil {
			return 0, err
		}
		changed := operations(first, changesAtOnce)
		if _, err := s.redis.store.RegisterOperations(going, "damaged", changed...); err != nil {
			return 0, err
		}
		n += changesAtOnce
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
