package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// SetPatience sets how long s waits for its primary to answer and for a standby to catch up.
func SetPatience(s source.Source, d time.Duration) { s.(*Source).patience = d }

// CutSmall makes s cut tables into ranges of few rows, and sample those that have more than counted
// keys to find their middle.
func CutSmall(s source.Source, few int64, counted int) {
	s.(*Source).fewRows, s.(*Source).mostCounted = few, counted
}

// Fail translates an error of the server's for a call that has time left.
func Fail(s source.Source, err error) error {
	return s.(*Source).fail(context.Background(), err, "public.users")
}

// Lookup returns the statement by which the rows of keys are read.
func Lookup(table rowset.Table, keys []rowset.Vector) (string, error) {
	name, err := parseRelation(table.Name)
	if err != nil {
		return "", err
	}
	return lookupOf(table, name, keys).sql, nil
}

// Plan returns how the server goes about it, with the settings of a read.
func Plan(ctx context.Context, src source.Source, table rowset.Table, keys []rowset.Vector) (string, error) {
	name, err := parseRelation(table.Name)
	if err != nil {
		return "", err
	}
	l := lookupOf(table, name, keys)
	var lines []string
	explain := statement{sql: "EXPLAIN " + l.sql, params: l.params, read: func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			lines = append(lines, string(row[0]))
			return nil
		})
	}}
	err = src.(*Source).transaction(ctx, table.Name, explain)
	return strings.Join(lines, "\n"), err
}
