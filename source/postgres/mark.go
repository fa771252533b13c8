package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// markSQL asks how far the server is in the log. Of a primary only what was flushed counts: what
// was not is lost in a crash, and the server would stand before it. A standby has nothing but what
// its primary has flushed.
const markSQL = `SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_replay_lsn(), '0/0')
	ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn`

// marked runs statements that read table, and returns what [rowset.Table.Mark] is. It is 0 for a
// server that does not tell, as some that only speak like PostgreSQL.
func (s *Source) marked(ctx context.Context, table string, statements ...statement) (mark uint64, err error) {
	if s.markless.Load() {
		return 0, s.transaction(ctx, table, statements...)
	}
	ask := statement{sql: markSQL, read: func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			if mark, err = strconv.ParseUint(string(row[0]), 10, 64); err != nil {
				return errNoMark
			}
			return nil
		})
	}}
	err = s.transaction(ctx, table, append([]statement{ask}, statements...)...)
	if !refusesMark(err) {
		return mark, err
	}
	if err := s.transaction(ctx, table, statements...); err != nil {
		return 0, err
	}
	s.markless.Store(true)
	return 0, nil
}

var errNoMark = errors.New("the position in the log is no number")

func refusesMark(err error) bool {
	var refused *pgconn.PgError
	states := []string{"0A000", "42501", "42883"} // not supported, no right, no such function
	return errors.Is(err, errNoMark) || errors.As(err, &refused) && slices.Contains(states, refused.Code)
}
