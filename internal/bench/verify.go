package main

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// verifyFigures are about equal tables.
type verifyFigures struct{ speed, source, events *figure }

func newVerifyFigures() verifyFigures {
	return verifyFigures{
		speed: &figure{
			name: "verify of 5M equal rows, two readers", format: "%.0f rows/s", baseName: "the backfill before it",
			goal: "≥ 1.2",
		},
		source: &figure{name: "PostgreSQL's CPU seconds per 1M rows verified", format: "%.2f", goal: "≤ 0.6"},
		events: &figure{name: "Temporal events of a verify of 5M rows", format: "%.0f", goal: "≤ 100"},
	}
}

// add verifies what a backfill has copied.
func (f verifyFigures) add(ctx context.Context, s *stack, key string, rows int64, backfill costs) error {
	c, err := s.measured(ctx, func() error {
		result, err := s.verify(ctx, key, false)
		if err == nil && (result.Outcome != activities.OutcomeEqual || result.Rows != rows) {
			err = fmt.Errorf("the verify of %s ended as %+v", key, result)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := s.history(ctx, workflows.VerifyID(chferry.DefaultIDPrefix, chferry.ImportKey(key)), "", &c); err != nil {
		return err
	}
	f.speed.beside(float64(rows)/c.seconds, float64(rows)/backfill.seconds)
	f.source.add(c.processor["postgres"] * million / float64(rows))
	f.events.add(c.events)
	return nil
}

func (f verifyFigures) all() []*figure { return []*figure{f.speed, f.source, f.events} }

func (s *stack) verify(ctx context.Context, key string, repair bool) (workflows.VerifyResult, error) {
	imp := chferry.Import{Key: chferry.ImportKey(key), Table: key, DestinationTable: copiedTable(key)}
	options := chferry.VerifyOptions{Repair: repair, Parallel: 2}
	if err := s.starter.StartVerify(ctx, imp, s.redis.store, options); err != nil {
		return workflows.VerifyResult{}, err
	}
	return s.starter.AwaitVerify(ctx, imp.Key)
}
