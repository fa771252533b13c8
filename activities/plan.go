package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// Plan is how rows of an import key go from its databases to its destination, as both are now.
type Plan struct {
	Import      chferry.Import
	Tables      map[string]chferry.Table // by database alias
	Destination chferry.Destination
	engine      engine.Engine
}

// MakePlan asks the sources for the import's table and derives the destination from it. It compares neither with what
// exists in ClickHouse nor with what was synced before.
func MakePlan(ctx context.Context, imp chferry.Import, sources map[string]source.Source) (Plan, error) {
	eng, err := engine.Named(imp.Engine)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Import: imp, Tables: map[string]chferry.Table{}, engine: eng}
	for _, alias := range imp.Databases {
		src, ok := sources[alias]
		if !ok {
			return Plan{}, chferry.Errorf(chferry.CodeConfiguration, "import key %s: database %q is not configured", imp.Key, alias)
		}
		if plan.Tables[alias], err = describe(ctx, imp, alias, src); err != nil {
			return Plan{}, err
		}
	}
	if err := plan.sameTables(); err != nil {
		return Plan{}, err
	}
	plan.Destination, err = plan.destination()
	return plan, err
}

func describe(ctx context.Context, imp chferry.Import, alias string, src source.Source) (chferry.Table, error) {
	table, err := src.Describe(ctx, imp.Table, imp.PrimaryKey)
	if err != nil {
		return chferry.Table{}, err
	}
	table.Database = alias
	if table, err = table.Project(imp.Exclude, imp.Rename); err != nil {
		return chferry.Table{}, err
	}
	for _, c := range table.Columns {
		if c.Type.Kind == 0 {
			return chferry.Table{}, chferry.Errorf(chferry.CodeSchemaMismatch,
				"import key %s: column %s.%s has type %s, which can't be synced: name it in columns.exclude",
				imp.Key, imp.Table, c.Name, c.SourceType)
		}
	}
	return table, nil
}

// sameTables checks that all databases have the same table.
func (p Plan) sameTables() error {
	first := p.Tables[p.Import.Databases[0]]
	for _, alias := range p.Import.Databases[1:] {
		other := p.Tables[alias]
		same := slices.EqualFunc(first.Columns, other.Columns, func(a, b chferry.Column) bool {
			return a.Name == b.Name && a.Type == b.Type
		})
		if !same || !slices.Equal(first.PrimaryKey, other.PrimaryKey) {
			return chferry.Errorf(chferry.CodeSchemaMismatch,
				"import key %s: %s differs between the databases %s and %s: its columns, their order and its primary key must be the same",
				p.Import.Key, p.Import.Table, p.Import.Databases[0], alias)
		}
	}
	return nil
}

func (p Plan) destination() (chferry.Destination, error) {
	table := p.Tables[p.Import.Databases[0]]
	d := chferry.Destination{
		Table:   p.Import.DestinationTable,
		Engine:  p.engine.Name(),
		OrderBy: p.Import.OrderBy,
		Columns: slices.Clone(table.Columns),
		Key:     table.KeyDestinations(),
	}
	if p.Import.DatabaseColumn != "" {
		d.Columns = append(d.Columns, p.databaseColumn())
		d.Key = append([]string{p.Import.DatabaseColumn}, d.Key...)
	}
	d.Columns = append(d.Columns, p.engine.Columns()...)
	if len(d.OrderBy) == 0 {
		d.OrderBy = d.Key
	}
	names := map[string]bool{}
	for _, c := range d.Columns {
		if names[c.Destination] {
			return d, chferry.Errorf(chferry.CodeConfiguration,
				"import key %s: two columns would be named %q in %s: rename one in columns.rename", p.Import.Key, c.Destination, d.Table)
		}
		names[c.Destination] = true
	}
	return d, nil
}

func (p Plan) databaseColumn() chferry.Column {
	return chferry.Column{Destination: p.Import.DatabaseColumn, Type: chferry.Type{Kind: chferry.String}}
}

// plan makes the plan of a batch and refuses it, before anything is claimed, if the tables do not fit or are not those that
// were synced before.
func (a *Activities) plan(ctx context.Context, imp chferry.Import) (Plan, error) {
	for _, alias := range imp.Databases {
		if src, ok := a.Sources[alias]; ok {
			if err := src.Check(ctx); err != nil {
				return Plan{}, err
			}
		}
	}
	plan, err := MakePlan(ctx, imp, a.Sources)
	if err != nil {
		return Plan{}, err
	}
	missing, err := a.Sink.Missing(ctx, plan.Destination)
	if err != nil {
		return Plan{}, fmt.Errorf("compare the destination of %s: %w", imp.Key, err)
	}
	if slices.ContainsFunc(missing, isTable) {
		return Plan{}, chferry.Errorf(chferry.CodeSchemaMismatch,
			"import key %s: ClickHouse has no table %s: run chferry apply", imp.Key, plan.Destination.Table)
	}
	return plan, a.sameSource(ctx, plan)
}

func isTable(s sink.Statement) bool { return strings.HasPrefix(s.Creates, "table ") }

func (a *Activities) sameSource(ctx context.Context, plan Plan) error {
	for alias, table := range plan.Tables {
		remembered, err := a.Storage.RememberIdentity(ctx, plan.Import.Key, alias, table.Identity)
		if err != nil {
			return err
		}
		if err := SameSource(plan.Import, alias, remembered, table.Identity); err != nil {
			return err
		}
	}
	return nil
}

// SameSource refuses a table that is not the one synced before: a connection string that leads to an empty copy must not turn every
// operation into a delete.
func SameSource(imp chferry.Import, alias, remembered, identity string) error {
	if remembered == identity {
		return nil
	}
	return chferry.Errorf(chferry.CodeSourceChanged,
		"import key %s: %s in database %s is another table than the one synced before (identity %s, was %s): mend the URL, "+
			"or run chferry apply --accept-source %s if the table was moved on purpose",
		imp.Key, imp.Table, alias, identity, remembered, imp.Key)
}
