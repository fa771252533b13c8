package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// A page that the server does not give, because a connection was lost or it restarts, is asked for again, with pauses that double up
// to the longest, until the patience is over.
const (
	firstPagePause   = 100 * time.Millisecond
	longestPagePause = 3 * time.Second
	pagePatience     = 30 * time.Second
)

// PrimaryKeys implements [source.Source]. Each page is a transaction of its own, so that none is open while each runs: neither
// vacuum nor idle_in_transaction_session_timeout knows of a reader that waits.
func (s *Source) PrimaryKeys(ctx context.Context, table rowset.Table, pageSize int, each func([]chferry.PrimaryKey) error) error {
	return s.PrimaryKeysBehind(ctx, table, "", pageSize, func(page []chferry.PrimaryKey, _ string) error { return each(page) })
}

// PrimaryKeysBehind implements [source.Resumer]. A place is the last key, as a JSON list.
func (s *Source) PrimaryKeysBehind(
	ctx context.Context, table rowset.Table, place string, pageSize int, each func([]chferry.PrimaryKey, string) error,
) error {
	p := &keyPages{Source: s, table: table, size: max(pageSize, 1)}
	var err error
	if p.name, err = s.relation(table.Name); err != nil {
		return err
	}
	if place != "" && (json.Unmarshal([]byte(place), &p.last) != nil || len(p.last) != len(table.PrimaryKey)) {
		return chferry.Errorf(chferry.CodeInvalid, "the place to go on from is none of table %s, whose primary key may have changed", table.Name)
	}
	if err := p.refuseNulls(ctx); err != nil {
		return err
	}
	for {
		page, err := p.next(ctx)
		if err != nil || len(page) == 0 {
			return err
		}
		p.last = page[len(page)-1]
		place, err := json.Marshal(p.last)
		if err != nil {
			return err
		}
		if err := each(page, string(place)); err != nil || len(page) < p.size {
			return err
		}
	}
}

// keyPages are the pages of a table's primary keys.
type keyPages struct {
	*Source
	table rowset.Table
	name  relation
	size  int
	last  chferry.PrimaryKey // of the page before; nil: none yet
}

// next reads a page. It does not wait for a server that did not give the first.
func (p *keyPages) next(ctx context.Context) ([]chferry.PrimaryKey, error) {
	deadline := time.Now().Add(pagePatience)
	for pause := firstPagePause; ; pause = min(2*pause, longestPagePause) {
		page, err := p.read(ctx)
		if chferry.CodeOf(err) != chferry.CodeUnavailable || ctx.Err() != nil || p.last == nil && pause > firstPagePause || time.Now().After(deadline) {
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
					return p.holdsNulls(i)
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

// ask is the statement for the next page. The server compares the keys with the last one as it orders them: by the columns' types
// and collations.
func (p *keyPages) ask() statement {
	columns, texts, values := p.columns(), p.columns(), make([]string, len(p.table.PrimaryKey))
	for i, c := range p.table.PrimaryKey {
		texts[i] = canonical(p.table.Columns[c], columns[i])
	}
	var st statement
	list := strings.Join(columns, ", ")
	st.sql = "SELECT " + strings.Join(texts, ", ") + " FROM " + p.name.quoted() + " AS t"
	if p.last != nil {
		for i, c := range p.table.PrimaryKey {
			values[i] = fmt.Sprintf("$%d::text", i+1)
			if typ := orderType(p.table.Columns[c]); typ != "" {
				values[i] += "::" + typ
			}
			st.params = append(st.params, textParam(p.last[i]))
		}
		st.sql += " WHERE (" + list + ") > (" + strings.Join(values, ", ") + ")"
	}
	st.sql += " ORDER BY " + list + " LIMIT " + strconv.Itoa(p.size)
	return st
}

func (p *keyPages) columns() []string {
	columns := make([]string, len(p.table.PrimaryKey))
	for i, c := range p.table.PrimaryKey {
		columns[i] = "t." + quote(p.table.Columns[c].Name)
	}
	return columns
}

// orderType is the SQL type that a text of the key is cast to, to be compared with the column; empty if it is a text.
func orderType(c rowset.Column) string {
	switch {
	case c.Type.Kind == rowset.Bytes:
		return "bytea"
	case c.Type.Kind == rowset.String && !c.ReadBySource && c.SourceType != "name":
		return ""
	default:
		return keyType(c)
	}
}

// refuseNulls looks for rows whose key has a null, where the catalog does not exclude them: no page would have them.
func (p *keyPages) refuseNulls(ctx context.Context) error {
	var names []string
	for _, c := range p.table.PrimaryKey {
		names = append(names, p.table.Columns[c].Name)
	}
	var nullable []int
	ask := statement{
		sql: `SELECT a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attrelid = to_regclass($1)
			AND (NOT a.attnotnull OR c.relkind NOT IN ('r', 'p'))`,
		params: []param{textParam(p.name.quoted())},
		read: func(rr *pgconn.ResultReader) error {
			return eachRow(rr, func(row [][]byte) error {
				if i := slices.Index(names, string(row[0])); i >= 0 {
					nullable = append(nullable, i)
				}
				return nil
			})
		},
	}
	if err := p.transaction(ctx, p.table.Name, ask); err != nil {
		return err
	}
	columns := p.columns()
	for _, i := range nullable {
		null := false
		look := statement{
			sql: "SELECT FROM " + p.name.quoted() + " AS t WHERE " + columns[i] + " IS NULL LIMIT 1",
			read: func(rr *pgconn.ResultReader) error {
				return eachRow(rr, func([][]byte) error { null = true; return nil })
			},
		}
		if err := p.transaction(ctx, p.table.Name, look, p.sameTable(p.table, p.name)); err != nil {
			return err
		}
		if null {
			return p.holdsNulls(i)
		}
	}
	return nil
}

func (p *keyPages) holdsNulls(i int) error {
	return chferry.Errorf(chferry.CodeSchemaMismatch, "column %q of table %s is part of the primary key and holds nulls, and a row "+
		"without a key can't be registered: give it one, or read a view that leaves it out",
		p.table.Columns[p.table.PrimaryKey[i]].Name, p.table.Name)
}
