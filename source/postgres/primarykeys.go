package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
)

// PrimaryKeys implements [source.Source]. The keys are those of one moment, read in one pass with a cursor, so that
// neither side holds more than a page; the transaction stays open until the last page.
func (s *Source) PrimaryKeys(ctx context.Context, table chferry.Table, pageSize int, each func([]chferry.PrimaryKey) error) error {
	name, err := s.relation(table.Name)
	if err != nil {
		return err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return s.fail(ctx, err, table.Name)
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	declare := statement{sql: "DECLARE chferry NO SCROLL CURSOR FOR SELECT " + keyList(table) + " FROM " + name.quoted()}
	if err := s.begin(ctx, pg, table.Name, declare, s.sameTable(table, name)); err != nil {
		return err
	}
	for {
		page, err := s.keyPage(ctx, pg, table, pageSize)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return s.run(ctx, pg, table.Name, []statement{commit})
		}
		if err := each(page); err != nil {
			return err
		}
	}
}

func keyList(table chferry.Table) string {
	columns := make([]string, len(table.PrimaryKey))
	for i, c := range table.PrimaryKey {
		columns[i] = quote(table.Columns[c].Name)
	}
	return strings.Join(columns, ", ")
}

// keyPage fetches the cursor's next page, as text.
func (s *Source) keyPage(ctx context.Context, conn *pgconn.PgConn, table chferry.Table, size int) ([]chferry.PrimaryKey, error) {
	var page []chferry.PrimaryKey
	next := statement{sql: "FETCH FORWARD " + strconv.Itoa(max(size, 1)) + " FROM chferry"}
	next.read = func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			key := make(chferry.PrimaryKey, len(row))
			for i, value := range row {
				if value == nil {
					return chferry.Errorf(chferry.CodeSchemaMismatch, "column %q of table %s is part of the primary key and holds nulls",
						table.Columns[table.PrimaryKey[i]].Name, table.Name)
				}
				key[i] = string(value)
			}
			page = append(page, key)
			return nil
		})
	}
	err := s.run(ctx, conn, table.Name, []statement{next})
	return page, err
}
