package clickhouse

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
)

// description is what the server told of a table and its view. The statements that create the two
// identify the description.
type description struct {
	statements     [2]string
	existing, view *existing
	asked          time.Time // when the server was asked for the statements last
}

// described is how long a table counts as described where a caller looks at many blocks one after
// another.
const described = time.Second

// describe describes the table and its view. A table or view that does not exist is nil, and a
// missing database is an error. Every batch needs the description, and a server of version 18 opens
// the files of all tables of the database for it. So a description is kept, and the table is
// described anew only if the server writes one of the two statements differently than before.
func (c *Client) describe(ctx context.Context, t table) (existing, view *existing, err error) {
	before, err := c.statements(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	if kept, ok := c.description(t); ok && kept.statements == before {
		c.keep(t, description{before, kept.existing, kept.view, time.Now()})
		return kept.existing, kept.view, nil
	}
	existing, view, err = c.describeBoth(ctx, t)
	if err != nil || existing == nil || view == nil {
		return existing, view, err
	}
	if after, err := c.statements(ctx, t); err == nil && after == before && before[0] != "" && before[1] != "" {
		c.keep(t, description{after, existing, view, time.Now()})
	}
	return existing, view, nil
}

// describeLately is [Client.describe], but for a table that was described a moment ago.
func (c *Client) describeLately(ctx context.Context, t table) (existing, view *existing, err error) {
	if kept, ok := c.description(t); ok && time.Since(kept.asked) < described {
		return kept.existing, kept.view, nil
	}
	return c.describe(ctx, t)
}

func (c *Client) description(t table) (kept description, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok = c.descriptions[t]
	return kept, ok
}

func (c *Client) keep(t table, d description) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.descriptions == nil {
		c.descriptions = map[table]description{}
	}
	c.descriptions[t] = d
}

// statements returns the statements that create the table and its view. A statement is empty if the
// server refuses to show it, because the table does not exist or the user may not see it.
func (c *Client) statements(ctx context.Context, t table) (both [2]string, err error) {
	reading, ctx := errgroup.WithContext(ctx)
	exists := uint8(1)
	reading.Go(func() error { // a server writes the statement of a detached table, too
		read := func(scan func(...any) error) error { return scan(&exists) }
		return c.query(ctx, "look for table "+t.String(), read, "EXISTS TABLE "+t.sql())
	})
	for i, of := range []table{t, t.current()} {
		reading.Go(func() error {
			err := c.query(ctx, "describe table "+t.String(), func(scan func(...any) error) error {
				return scan(&both[i])
			}, "SHOW CREATE TABLE "+of.sql())
			if chferry.CodeOf(err) == chferry.CodeUnavailable {
				return err
			}
			return nil
		})
	}
	if err = reading.Wait(); exists == 0 {
		both[0] = ""
	}
	return both, err
}

// describeBoth asks the server for the table and for its view with two questions at the same time.
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
		err = chferry.Errorf(chferry.CodeConfiguration,
			"table %s: ClickHouse has no database %q: create it or name another", t, t.database)
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
	}, "SELECT name, engine, engine_full, sorting_key, partition_key, create_table_query FROM system.tables WHERE "+
		"database = ? AND name IN (?, ?)",
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
	}, "SELECT table, name, type, default_kind FROM system.columns WHERE database = ? AND table IN (?, ?)", t.database,
		t.name, t.current().name)
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
