package transfer

import (
	"context"
	"fmt"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// Plan makes the plan of a batch and refuses it, before anything is claimed, if the tables do not
// fit or are not those that were synced before. Columns that the destination does not have yet are
// left out, and of several databases those that do not answer.
func (p *Pipeline) Plan(ctx context.Context, imp chferry.Import) (Plan, error) {
	sources, release, err := p.Sources.Use(imp.Databases...)
	if err != nil {
		return Plan{}, err
	}
	defer release()
	away := map[string]string{}
	plan, err := makePlan(ctx, imp, sources, func(alias string, err error) bool {
		_, away[alias] = chferry.Safe(err)
		return chferry.CodeOf(err) == chferry.CodeUnavailable && ctx.Err() == nil
	})
	if err != nil {
		return Plan{}, err
	}
	plan.leave(away)
	missing, err := plan.Missing(ctx, p.Sink)
	if err != nil {
		return Plan{}, fmt.Errorf("compare the destination of %s: %w", imp.Key, err)
	}
	if slices.ContainsFunc(missing, func(s sink.Statement) bool { return s.Kind == sink.Table }) {
		return Plan{}, chferry.Errorf(chferry.CodeSchemaMismatch,
			"import key %s: ClickHouse has no table %s: run chferry apply %[1]s", imp.Key, plan.Destination.Table)
	}
	var absent []string
	for _, s := range missing {
		if s.Stale != "" {
			return Plan{}, chferry.Errorf(chferry.CodeSchemaMismatch, "import key %s: %s", imp.Key, s.Stale)
		}
		if s.Kind == sink.Column {
			absent = append(absent, s.Column)
		}
	}
	unfilled, err := p.unfilledOf(ctx, imp.Key, plan.Destination)
	if err != nil {
		return Plan{}, fmt.Errorf("compare the destination of %s: %w", imp.Key, err)
	}
	plan.without(absent)
	plan.Schema = slices.Concat(plan.Schema, absentColumns(absent, unfilled, plan.Destination.Table),
		UnfilledColumns(unfilled, absent, plan.Destination.Table))
	return plan, p.sameSource(ctx, plan)
}
