package transfer

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// Range is a part of one database's table.
type Range = source.Range

// Cut cuts the tables of all databases of a plan into ranges, at most most of each, and returns
// about how many rows they have together. A database that does not answer is an error: the caller
// is to read whole tables.
func (p *Pipeline) Cut(ctx context.Context, plan Plan, where string, most int) (cut []storage.Range, rows int64,
	err error,
) {
	for alias, why := range plan.away {
		return nil, 0, chferry.Errorf(chferry.CodeUnavailable, "database %q does not answer: %s", alias, why)
	}
	for _, alias := range plan.databases() {
		ranges, estimate, err := p.cut(ctx, plan, alias, where, most)
		if err != nil {
			return nil, 0, err
		}
		cut, rows = append(cut, ranges...), rows+estimate
	}
	return cut, rows, nil
}

func (p *Pipeline) cut(ctx context.Context, plan Plan, alias, where string, most int) ([]storage.Range, int64, error) {
	from, release, err := p.ranger(plan, alias)
	if err != nil {
		return nil, 0, err
	}
	defer release()
	cut, err := from.Cut(ctx, plan.Tables[alias], where, most)
	if err != nil {
		return nil, 0, err
	}
	ranges := make([]storage.Range, len(cut.Ranges))
	for i, r := range cut.Ranges {
		ranges[i] = storage.Range{Database: alias, After: r.After, UpTo: r.UpTo}
	}
	return ranges, cut.Rows, nil
}

// ranger returns a database of a plan, as one that gives whole tables, until release is called.
func (p *Pipeline) ranger(plan Plan, alias string) (from source.Ranger, release func(), err error) {
	if _, planned := plan.Tables[alias]; !planned {
		return nil, nil, chferry.Errorf(chferry.CodeUnavailable,
			"database %q does not answer: its rows can't be read now", alias)
	}
	sources, release, err := p.Sources.Use(alias)
	if err != nil {
		return nil, nil, err
	}
	if err = plan.madeOf(sources, alias); err == nil {
		var ok bool
		if from, ok = sources[alias].(source.Ranger); !ok {
			err = chferry.Errorf(chferry.CodeConfiguration, "database %q can't give whole tables", alias)
		}
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return from, release, nil
}
