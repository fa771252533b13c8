package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/sink"
)

// importCheck looks at imports one after the other.
type importCheck struct {
	*services
	report    *report
	columns   bool // print them
	storageUp bool
	statuses  map[chferry.ImportKey]api.ImportStatus
}

// problems returns all that is wrong with an import, joined, and notes what else is to be known of it.
func (c *importCheck) problems(ctx context.Context, imp chferry.Import) error {
	c.noteStatus(imp.Key)
	var owner error
	if c.storageUp {
		owner = c.storage.CheckOwner(ctx, imp.Key)
	}
	plan, err := activities.MakePlan(ctx, imp, c.sources)
	if err != nil {
		return errors.Join(err, owner)
	}
	return errors.Join(
		activities.CheckColumns(ctx, imp, c.sources),
		c.destination(ctx, plan),
		owner,
		c.sameSources(ctx, plan),
	)
}

// noteStatus notes what keeps the syncs of an import from going on.
func (c *importCheck) noteStatus(key chferry.ImportKey) {
	status := c.statuses[key]
	if status.Schedule != nil && status.Schedule.Paused {
		c.report.note(fmt.Sprintf("its schedule is paused (%s): chferry resume %s", status.Schedule.Note, key))
	}
	if status.Failing != nil {
		c.report.note(failing(status.Failing, time.Now()))
	}
}

func (c *importCheck) destination(ctx context.Context, plan activities.Plan) error {
	imp := plan.Import
	missing, err := plan.Missing(ctx, c.sink)
	if err != nil {
		return err
	}
	var problems []error
	var absent []string
	for _, statement := range missing {
		c.report.would("create " + statement.Creates)
		if statement.Stale != "" {
			problems = append(problems, chferry.Errorf(chferry.CodeSchemaMismatch, "%s", statement.Stale))
		}
		if statement.Column != "" {
			absent = append(absent, statement.Column)
			c.report.note("until then it is not synced; " + laterRows(imp))
		}
	}
	for _, schema := range plan.Schema {
		c.report.note(schema)
	}
	unfilled, err := c.sink.Unfilled(ctx, plan.Destination)
	for _, sentence := range activities.UnfilledColumns(unfilled, absent, plan.Destination.Table) {
		c.report.note(sentence)
	}
	if problems = append(problems, err); c.columns {
		problems = append(problems, c.noteColumns(ctx, plan.Destination))
	}
	return errors.Join(problems...)
}

// noteColumns notes which columns go where, as a table.
func (c *importCheck) noteColumns(ctx context.Context, d chferry.Destination) error {
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
func (c *importCheck) sameSources(ctx context.Context, plan activities.Plan) error {
	if !c.storageUp {
		return nil
	}
	var problems []error
	for _, alias := range plan.Import.Databases {
		problems = append(problems, c.sameSource(ctx, plan.Import, alias, plan.Tables[alias]))
	}
	return errors.Join(problems...)
}

// sameSource compares a source table with the one that is remembered, if one is.
func (s *services) sameSource(ctx context.Context, imp chferry.Import, alias string, table chferry.Table) error {
	remembered, err := s.storage.RememberedIdentity(ctx, imp.Key, alias)
	if err != nil || remembered.Table == "" {
		return err
	}
	return activities.SameSource(imp, alias, remembered, table)
}

// laterRows says what becomes of a new column.
func laterRows(imp chferry.Import) string {
	return "rows that are there already have its default until they are synced again: chferry register " + string(imp.Key) + " update --all"
}
