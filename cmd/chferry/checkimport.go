package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/transfer"
)

// importCheck looks at imports one after the other.
type importCheck struct {
	*services
	report    *report
	columns   bool // print them
	storageUp bool
	statuses  map[chferry.ImportKey]api.ImportStatus
	refused   map[chferry.ImportKey]bool // imports that apply would leave as they are
}

// problems returns all that is wrong with an import, joined, and notes what else is to be known of it.
func (c *importCheck) problems(ctx context.Context, imp chferry.Import) error {
	var owner error
	if c.storageUp {
		owner = c.storage.CheckOwner(ctx, imp.Key)
	}
	plan, err := transfer.MakePlan(ctx, imp, c.sources)
	var missing []sink.Statement
	if moved := new(movedError); err != nil && errors.As(owner, &moved) {
		owner = nil // a slip in table also moves the destination, which has its name
	}
	if err == nil {
		err = errors.Join(transfer.CheckColumns(ctx, imp, c.sources), c.destination(ctx, &plan, &missing),
			c.sameSources(ctx, plan))
	}
	err = errors.Join(err, owner)
	stale := c.noteMissing(imp, missing, err != nil)
	c.noteFirstLoad(ctx, imp, missing)
	err = errors.Join(err, stale)
	c.noteStatus(imp.Key, err)
	return err
}

// noteMissing notes what apply would create. The error, for what is there and shows rows wrongly,
// is one that apply mends.
func (c *importCheck) noteMissing(imp chferry.Import, missing []sink.Statement, refused bool) error {
	if refused {
		c.refused[imp.Key] = true
		c.report.note("apply would leave this import and its schedule as they are")
	}
	var problems []error
	for _, statement := range missing {
		if !refused {
			c.report.would("create " + statement.Creates)
		}
		if statement.Stale != "" {
			problems = append(problems, chferry.Errorf(chferry.CodeSchemaMismatch, "%s", statement.Stale))
		}
		if statement.Kind == sink.Column && !refused {
			c.report.note("until then it is not synced; " + laterRows(imp))
		}
	}
	return errors.Join(problems...)
}

// noteStatus notes what keeps the syncs of an import from going on, beside the problems that are told anyway.
func (c *importCheck) noteStatus(key chferry.ImportKey, problems error) {
	status := c.statuses[key]
	if status.Schedule != nil && status.Schedule.Paused {
		c.report.note(fmt.Sprintf("its schedule is paused (%s): chferry resume %s", status.Schedule.Note, key))
	}
	if status.Failing != nil {
		c.report.note(failingBeside(status, time.Now(), problems))
	}
}

// destination looks at what the destination has and lacks.
func (c *importCheck) destination(ctx context.Context, plan *transfer.Plan, missing *[]sink.Statement) (err error) {
	if *missing, err = plan.Missing(ctx, c.sink); err != nil {
		return err
	}
	refused := c.probe(ctx, *plan, *missing)
	var absent []string
	for _, statement := range *missing {
		if statement.Kind == sink.Column {
			absent = append(absent, statement.Column)
		}
	}
	for _, schema := range plan.Schema {
		c.report.note(schema)
	}
	unfilled, err := c.sink.Unfilled(ctx, plan.Destination)
	for _, sentence := range transfer.UnfilledColumns(unfilled, absent, plan.Destination.Table) {
		c.report.note(sentence)
	}
	if err = errors.Join(refused, err); c.columns {
		err = errors.Join(err, c.noteColumns(ctx, plan.Destination))
	}
	return err
}

// probe asks whether the destination's server would refuse what is missing.
func (s *services) probe(ctx context.Context, plan transfer.Plan, missing []sink.Statement) error {
	prober, ok := s.sink.(sink.Prober)
	if !ok {
		return nil
	}
	return prober.Probe(ctx, plan.Destination, missing)
}

// noteColumns notes which columns go where, as a table.
func (c *importCheck) noteColumns(ctx context.Context, d sink.Destination) error {
	typer, ok := c.sink.(sink.Typer)
	if !ok {
		return nil
	}
	types, err := typer.ColumnTypes(ctx, d)
	if err != nil {
		return err
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SOURCE\tTYPE\tCLICKHOUSE\tTYPE")
	for i, column := range d.Columns {
		source, kind := column.Name, column.SourceType
		if source == "" { // of the engine, or the database's alias
			source, kind = "-", "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", source, kind, column.Destination, types[i])
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the columns: %w", err)
	}
	for line := range strings.Lines(text.String()) {
		c.report.note(strings.TrimSuffix(line, "\n"))
	}
	return nil
}

// sameSources compares the source tables with those that were synced before. It changes nothing.
func (c *importCheck) sameSources(ctx context.Context, plan transfer.Plan) error {
	if !c.storageUp {
		return nil
	}
	var problems []error
	for _, alias := range plan.Import.Databases {
		problems = append(problems, c.sameSource(ctx, plan, alias))
	}
	return errors.Join(problems...)
}

// sameSource compares a source table with the one that is remembered, if one is.
func (s *services) sameSource(ctx context.Context, plan transfer.Plan, alias string) error {
	remembered, err := s.storage.RememberedIdentity(ctx, plan.Import.Key, alias)
	if err != nil || remembered.Table == "" {
		return err
	}
	return plan.SameSource(ctx, alias, remembered)
}

// laterRows says what becomes of a new column.
func laterRows(imp chferry.Import) string {
	return "rows that are there already have its default until they are copied again: chferry backfill " +
		string(imp.Key)
}
