package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// Plan is how rows of an import key go from its databases to its destination, as both are now.
type Plan struct {
	Import      chferry.Import
	Tables      map[string]rowset.Table // by database alias, without those that are away
	Destination sink.Destination
	// Schema says, a sentence each, which columns are not synced as they should be although nothing stops.
	Schema []string
	// Unsynced names the columns of the source that are not synced: those that the configuration
	// leaves out, and those that the destination's table does not have yet.
	Unsynced []string
	sources  map[string]source.Source
	columns  []rowset.Column   // of all tables, each once
	away     map[string]string // by database alias, why it did not answer
	engine   engine.Engine
	// beside is filled to replace the destination, and gets each block of a transfer, too; nil: there is none.
	beside *sink.Destination
}

// MakePlan asks the sources for the import's table and derives the destination from it. It compares neither with what
// exists in ClickHouse nor with what was synced before, and passes over settings that name columns that are not there.
func MakePlan(ctx context.Context, imp chferry.Import, sources map[string]source.Source) (Plan, error) {
	return makePlan(ctx, imp, sources, func(string, error) bool { return false })
}

// makePlan is [MakePlan]. A database that does not answer is left out if goOn says so, as long as another one answers.
func makePlan(ctx context.Context, imp chferry.Import, sources map[string]source.Source,
	goOn func(alias string, err error) bool,
) (Plan, error) {
	eng, err := engine.Named(imp.Engine)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Import: imp, Tables: map[string]rowset.Table{}, sources: maps.Clone(sources), engine: eng}
	var problem error
	var refused []error
	for _, alias := range imp.Databases {
		src, ok := sources[alias]
		if !ok {
			return Plan{}, chferry.Errorf(chferry.CodeConfiguration, "import key %s: database %q is not configured",
				imp.Key, alias)
		}
		table, unsynced, err := describe(ctx, imp, alias, src)
		switch {
		case err == nil:
			plan.Tables[alias] = table
			plan.leaveOut(unsynced)
		case goOn(alias, err):
			problem = cmp.Or(problem, err)
		default:
			refused = append(refused, err)
		}
	}
	if err := errors.Join(refused...); err != nil {
		return Plan{}, err
	}
	if len(plan.Tables) == 0 {
		return Plan{}, problem
	}
	if err := plan.unite(); err != nil {
		return Plan{}, err
	}
	plan.Destination, err = plan.destination()
	return plan, err
}

// describe returns a table as it is synced, and the names of the columns that are not.
func describe(ctx context.Context, imp chferry.Import, alias string, src source.Source) (table rowset.Table,
	unsynced []string, err error,
) {
	all, err := src.Describe(ctx, imp.Table, imp.PrimaryKey)
	if err != nil {
		return rowset.Table{}, nil, err
	}
	all.Database = alias
	if table, err = all.Project(imp); err != nil {
		return rowset.Table{}, nil, err
	}
	for _, c := range all.Columns {
		if !slices.ContainsFunc(table.Columns, func(kept rowset.Column) bool { return kept.Name == c.Name }) {
			unsynced = append(unsynced, c.Name)
		}
	}
	var problems []error
	for _, c := range table.Columns {
		if c.Type.Kind == 0 {
			problems = append(problems, chferry.Errorf(chferry.CodeSchemaMismatch,
				"import key %s: column %s.%s has type %s, which can't be synced: name it in columns.exclude",
				imp.Key, imp.Table, c.Name, c.SourceType))
		}
	}
	return table, unsynced, errors.Join(problems...)
}

// leaveOut notes columns that are not synced.
func (p *Plan) leaveOut(columns []string) {
	for _, name := range columns {
		if !slices.Contains(p.Unsynced, name) {
			p.Unsynced = append(p.Unsynced, name)
		}
	}
}

// CheckColumns returns [chferry.CodeConfiguration] if the import's settings name a column that its
// table does not have. A sync does not ask: a column that is dropped must not stop it.
func CheckColumns(ctx context.Context, imp chferry.Import, sources map[string]source.Source) error {
	var problems []error
	for _, alias := range imp.Databases {
		table, err := sources[alias].Describe(ctx, imp.Table, imp.PrimaryKey)
		if err != nil {
			return err
		}
		problems = append(problems, table.Unknown(imp))
	}
	return errors.Join(problems...)
}

// unite collects the columns of all databases. They may differ in some, as they do while a change
// of the table goes from one database to the next, but not in the type of one, nor in the primary
// key.
func (p *Plan) unite() error {
	databases := p.databases()
	first := p.Tables[databases[0]]
	p.columns = slices.Clone(first.Columns)
	for _, alias := range databases[1:] {
		table := p.Tables[alias]
		if !slices.Equal(first.KeyDestinations(), table.KeyDestinations()) {
			return p.differs(alias, "its primary key")
		}
		for _, c := range table.Columns {
			i := slices.IndexFunc(p.columns,
				func(known rowset.Column) bool { return known.Destination == c.Destination })
			if i < 0 {
				p.columns = append(p.columns, c)
			} else if p.columns[i].Name != c.Name || p.columns[i].Type != c.Type {
				return p.differs(alias, fmt.Sprintf("column %q", c.Name))
			}
		}
	}
	for _, alias := range databases {
		for _, c := range p.columns {
			isIt := func(has rowset.Column) bool { return has.Destination == c.Destination }
			if !slices.ContainsFunc(p.Tables[alias].Columns, isIt) {
				p.Schema = append(p.Schema, fmt.Sprintf(
					"column %q of %s is not in database %s: its rows get a default", c.Name, p.Import.Table, alias))
			}
		}
	}
	return nil
}

// databases returns the aliases of the databases that the plan reads, in the import's order.
func (p *Plan) databases() []string {
	return slices.DeleteFunc(slices.Clone(p.Import.Databases), func(alias string) bool {
		_, read := p.Tables[alias]
		return !read
	})
}

func (p *Plan) differs(alias, what string) error {
	return chferry.Errorf(chferry.CodeSchemaMismatch,
		"import key %s: %s differs between the databases %s and %s in %s: it must be the same in both",
		p.Import.Key, p.Import.Table, p.databases()[0], alias, what)
}

// without leaves out columns that the destination's table does not have yet.
func (p *Plan) without(destinations []string) {
	isAbsent := func(c rowset.Column) bool { return slices.Contains(destinations, c.Destination) }
	for _, c := range p.columns {
		if isAbsent(c) {
			p.leaveOut([]string{c.Name})
		}
	}
	p.columns = slices.DeleteFunc(slices.Clone(p.columns), isAbsent)
	p.Destination.Columns = slices.DeleteFunc(slices.Clone(p.Destination.Columns), isAbsent)
	for alias, table := range p.Tables {
		p.Tables[alias] = table.Without(destinations)
	}
}

// leave notes the databases that the plan does without, and why.
func (p *Plan) leave(away map[string]string) {
	p.away = away
	for _, alias := range slices.Sorted(maps.Keys(away)) {
		p.Schema = append(p.Schema, fmt.Sprintf("the operations of database %q wait for it: %s", alias, away[alias]))
	}
}

// madeOf returns an error if the plan was made of other databases, as before a change of the
// configuration: those had the tables that the plan was compared with.
func (p *Plan) madeOf(sources map[string]source.Source, aliases ...string) error {
	for _, alias := range aliases {
		if p.sources[alias] != sources[alias] {
			return chferry.Errorf(chferry.CodeUnavailable,
				"import key %s: database %s is configured otherwise than when the batch was claimed: "+
					"the step begins anew with the database of now", p.Import.Key, alias)
		}
	}
	return nil
}

// block returns the rows to insert for one database, with the columns of all.
func (p *Plan) block(database string, rows rowset.Rows, missing []rowset.Vector, version uint64) rowset.Block {
	made := p.engine.Block(p.Tables[database], rows, missing, version)
	made = made.Arrange(slices.Concat(p.columns, p.engine.Columns()))
	if p.Import.DatabaseColumn != "" {
		addConstant(&made, p.databaseColumn(), database)
	}
	return made
}

func (p *Plan) destination() (sink.Destination, error) {
	d := sink.Destination{
		Table:   p.Import.DestinationTable,
		Engine:  p.engine,
		OrderBy: p.Import.OrderBy,
		Options: p.Import.Options,
		Columns: slices.Clone(p.columns),
		Key:     p.Tables[p.databases()[0]].KeyDestinations(),
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
				"import key %s: two columns would be named %q in %s: rename one in columns.rename",
				p.Import.Key, c.Destination, d.Table)
		}
		names[c.Destination] = true
	}
	return d, nil
}

func (p *Plan) databaseColumn() rowset.Column {
	return rowset.Column{Destination: p.Import.DatabaseColumn, Type: rowset.Type{Kind: rowset.String}}
}
