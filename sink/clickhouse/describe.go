package clickhouse

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
)

// describeBoth describes the table and its view with two questions, asked at the same time, as every batch waits for the answers.
// nil is one that does not exist; a database that doesn't is refused.
func (c *Client) describeBoth(ctx context.Context, t table) (existing, view *existing, err error) {
	both, reading := errgroup.WithContext(ctx)
	var columns, ofView []column
	both.Go(func() (err error) {
		existing, view, err = c.describeEngines(reading, t)
		return err
	})
	both.Go(func() (err error) {
		columns, ofView, err = c.describeColumns(reading, t)
		return err
	})
	if err := both.Wait(); err != nil {
		return nil, nil, err
	}
	if existing != nil && len(columns) == 0 || view != nil && len(ofView) == 0 { // created between the two answers
		if columns, ofView, err = c.describeColumns(ctx, t); err != nil {
			return nil, nil, err
		}
	}
	if view != nil {
		view.columns = ofView
	}
	if existing != nil {
		existing.columns = columns
		return existing, view, nil
	}
	exists, err := c.databaseExists(ctx, t.database)
	if err == nil && !exists {
		err = chferry.Errorf(chferry.CodeConfiguration, "table %s: ClickHouse has no database %q: create it or name another", t, t.database)
	}
	return nil, view, err
}

// describeEngines describes all of the table and its view but their columns.
func (c *Client) describeEngines(ctx context.Context, t table) (found, view *existing, err error) {
	err = c.query(ctx, "describe table "+t.String(), func(scan func(...any) error) error {
		e := &existing{table: table{database: t.database}}
		var full string
		err := scan(&e.name, &e.engine, &full, &e.sortingKey, &e.partitionKey, &e.query)
		e.arguments = engineArguments(full)
		if e.table == t {
			found = e
		} else {
			view = e
		}
		return err
	}, "SELECT name, engine, engine_full, sorting_key, partition_key, create_table_query FROM system.tables WHERE database = ? AND name IN (?, ?)",
		t.database, t.name, t.current().name)
	return found, view, err
}

// describeColumns returns the columns of the table and of its view; none of one that does not exist.
func (c *Client) describeColumns(ctx context.Context, t table) (columns, ofView []column, err error) {
	err = c.query(ctx, "describe table "+t.String(), func(scan func(...any) error) error {
		var of, name, text, defaultKind string
		err := scan(&of, &name, &text, &defaultKind)
		if described := newColumn(name, text, defaultKind); of == t.name {
			columns = append(columns, described)
		} else {
			ofView = append(ofView, described)
		}
		return err
	}, "SELECT table, name, type, default_kind FROM system.columns WHERE database = ? AND table IN (?, ?)", t.database, t.name, t.current().name)
	return columns, ofView, err
}

func (c *Client) databaseExists(ctx context.Context, name string) (bool, error) {
	found := false
	err := c.query(ctx, "look for database "+name, func(func(...any) error) error {
		found = true
		return nil
	}, "SELECT 1 FROM system.databases WHERE name = ?", name)
	return found, err
}
