package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// A page that the server does not give, because a connection was lost or it restarts, is asked for
// again, with pauses that double up to the longest, until the patience is over.
const (
	firstPagePause   = 100 * time.Millisecond
	longestPagePause = 3 * time.Second
	pagePatience     = 30 * time.Second
)

// PrimaryKeys implements [source.Source]. Each page is a transaction of its own, so that none is
// open while each runs: neither vacuum nor idle_in_transaction_session_timeout knows of a reader
// that waits.
func (s *Source) PrimaryKeys(ctx context.Context, table rowset.Table, pageSize int,
	each func([]chferry.PrimaryKey) error,
) error {
	return s.PrimaryKeysBehind(ctx, table, "", pageSize,
		func(page []chferry.PrimaryKey, _ string) error { return each(page) })
}

// PrimaryKeysBehind implements [source.Resumer]. A place is the last key, as a JSON list.
func (s *Source) PrimaryKeysBehind(
	ctx context.Context, table rowset.Table, place string, pageSize int, each func([]chferry.PrimaryKey, string) error,
) error {
	p := &keyPages{Source: s, table: table, order: orderOf(table), size: max(pageSize, 1)}
	var err error
	if p.name, err = s.relation(table.Name); err != nil {
		return err
	}
	if place != "" {
		if p.last, err = p.order.values(place); err != nil {
			return err
		}
	}
	if err := s.refuseNulls(ctx, table, p.name); err != nil {
		return err
	}
	for {
		page, err := p.next(ctx)
		if err != nil || len(page) == 0 {
			return err
		}
		p.last = page[len(page)-1]
		place, err := p.order.place(p.last)
		if err != nil {
			return err
		}
		if err := each(page, place); err != nil || len(page) < p.size {
			return err
		}
	}
}

// keyPages are the pages of a table's primary keys.
type keyPages struct {
	*Source
	table rowset.Table
	name  relation
	order keyOrder
	size  int
	last  chferry.PrimaryKey // of the page before; nil: none yet
}

// next reads a page. It does not wait for a server that did not give the first.
func (p *keyPages) next(ctx context.Context) ([]chferry.PrimaryKey, error) {
	deadline := time.Now().Add(pagePatience)
	for pause := firstPagePause; ; pause = min(2*pause, longestPagePause) {
		page, err := p.read(ctx)
		if chferry.CodeOf(err) != chferry.CodeUnavailable || ctx.Err() != nil || p.last == nil &&
			pause > firstPagePause || time.Now().After(deadline) {
			return page, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (p *keyPages) read(ctx context.Context) ([]chferry.PrimaryKey, error) {
	var page []chferry.PrimaryKey
	ask := p.ask()
	ask.read = func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			key := make(chferry.PrimaryKey, len(row))
			for i, value := range row {
				if value == nil {
					return holdsNulls(p.table, i)
				}
				key[i] = string(value)
			}
			page = append(page, key)
			return nil
		})
	}
	err := p.transaction(ctx, p.table.Name, ask, p.sameTable(p.table, p.name))
	return page, err
}

// ask is the statement for the next page.
func (p *keyPages) ask() statement {
	st := statement{sql: "SELECT " + strings.Join(p.order.texts(), ", ") + " FROM " + p.name.quoted() + " AS t"}
	if p.last != nil {
		var behind string
		behind, st.params = p.order.condition(p.last, ">", 1)
		st.sql += " WHERE " + behind
	}
	st.sql += " ORDER BY " + p.order.list() + " LIMIT " + strconv.Itoa(p.size)
	return st
}

// refuseNulls looks for rows whose key has a null, where the catalog does not exclude them: no page would have them.
func (s *Source) refuseNulls(ctx context.Context, table rowset.Table, name relation) error {
	var names []string
	for _, c := range table.PrimaryKey {
		names = append(names, table.Columns[c].Name)
	}
	var nullable []int
	ask := statement{
		sql: `SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE a.attrelid = to_regclass($1) AND (NOT a.attnotnull OR c.relkind NOT IN ('r', 'p'))`,
		params: []param{textParam(name.quoted())},
		read: func(rr *pgconn.ResultReader) error {
			return eachRow(rr, func(row [][]byte) error {
				if i := slices.Index(names, string(row[0])); i >= 0 {
					nullable = append(nullable, i)
				}
				return nil
			})
		},
	}
	if err := s.transaction(ctx, table.Name, ask); err != nil {
		return err
	}
	for _, i := range nullable {
		null := false
		look := statement{
			sql: "SELECT FROM " + name.quoted() + " AS t WHERE " + "t." + quote(names[i]) + " IS NULL LIMIT 1",
			read: func(rr *pgconn.ResultReader) error {
				return eachRow(rr, func([][]byte) error { null = true; return nil })
			},
		}
		if err := s.transaction(ctx, table.Name, look, s.sameTable(table, name)); err != nil {
			return err
		}
		if null {
			return holdsNulls(table, i)
		}
	}
	return nil
}

func holdsNulls(table rowset.Table, i int) error {
	return chferry.Errorf(chferry.CodeSchemaMismatch,
		"column %q of table %s is part of the primary key and holds nulls, and a row "+
			"without a key can't be told from others: give it one, or read a view that leaves it out",
		table.Columns[table.PrimaryKey[i]].Name, table.Name)
}
