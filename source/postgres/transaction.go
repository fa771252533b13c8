package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// statement is one statement of a transaction. It is sent by the extended protocol and never has a name, so that it
// leaves nothing on the server. Its read takes the result; a nil read takes nothing.
type statement struct {
	sql           string
	params        []param
	resultFormats []int16
	read          func(*pgconn.ResultReader) error
}

type param struct {
	oid    uint32
	format int16
	value  []byte
}

const (
	textFormat   int16 = 0
	binaryFormat int16 = 1
)

func textParam(value string) param {
	return param{pgtype.TextOID, textFormat, []byte(value)}
}

// settings hold for one transaction, whatever role, database and pooler have set. With
// quote_all_identifiers, types would be described by other names than those that are known here.
// row_security off makes a read fail where a policy would hide rows, which would look deleted. A
// random_page_cost of 1 keeps the planner from reading a whole table for a few thousand keys:
// measured, 15 ms instead of 45 for 10,000 of 400,000 rows. Parallel workers would take from the
// server more than the connections that a source may hold.
var settings = [][2]string{
	{"timezone", "UTC"},
	{"datestyle", "ISO"},
	{"intervalstyle", "postgres"},
	{"bytea_output", "hex"},
	{"quote_all_identifiers", "off"},
	{"extra_float_digits", "1"},
	{"row_security", "off"},
	{"jit", "off"},
	{"random_page_cost", "1"},
	{"max_parallel_workers_per_gather", "0"},
	{"cursor_tuple_fraction", "1"},
}

// lockTimeout makes a read that waits for a lock end before the statement timeout, so that it is
// told from one whose rows take too long. A shorter one that is set already stays.
const lockTimeout = `set_config('lock_timeout',
	CASE WHEN current_setting('lock_timeout')::interval BETWEEN '1us' AND $%[1]d::text::interval
	THEN current_setting('lock_timeout') ELSE $%[1]d END, true)`

// place is where a transaction runs.
type place struct {
	server   string // the server's identifier and the database's OID
	database string // the database's name
}

// openingStatements begin a transaction and refuse the wrong place for it.
func (s *Source) openingStatements() []statement {
	list := append(slices.Clone(settings), [2]string{"statement_timeout", fmt.Sprint(s.timeout.Milliseconds())})
	where := statement{read: s.checkPlace}
	columns := []string{
		"pg_is_in_recovery()", "(SELECT system_identifier FROM pg_control_system()) || '/' || d.oid",
		"d.datname",
	}
	for i, setting := range list {
		columns = append(columns, fmt.Sprintf("set_config($%d, $%d, true)", 2*i+1, 2*i+2))
		where.params = append(where.params, textParam(setting[0]), textParam(setting[1]))
	}
	if s.timeout > 0 {
		where.params = append(where.params, textParam(fmt.Sprintf("%dms", max(1, s.timeout.Milliseconds()*3/4))))
		columns = append(columns, fmt.Sprintf(lockTimeout, len(where.params)))
	}
	where.sql = "SELECT " + strings.Join(columns, ", ") + " FROM pg_database d WHERE d.datname = current_database()"
	return []statement{begin, where}
}

// Read committed, whatever a role's default is: each statement takes its snapshot after what the
// one before made sure of.
var (
	begin  = statement{sql: "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY"}
	commit = statement{sql: "COMMIT"}
)

// checkPlace reads where the transaction runs.
func (s *Source) checkPlace(rr *pgconn.ResultReader) error {
	return eachRow(rr, func(row [][]byte) error {
		if string(row[0]) == "t" && s.primary == nil {
			return chferry.Errorf(chferry.CodeConfiguration, "database %q at %s is a standby, which may lag behind: "+
				"its url must lead to the primary, or standby_of must give the primary's url", s.alias, s.address)
		}
		return s.samePlace(place{string(row[1]), string(row[2])})
	})
}

// samePlace remembers the first place and refuses every other one.
func (s *Source) samePlace(p place) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.where == (place{}) {
		s.where = p
	}
	if s.where != p {
		return chferry.Errorf(chferry.CodeSourceChanged,
			"database %q at %s is not the one that was read before: another server or database answers there",
			s.alias, s.address)
	}
	return nil
}

// identity is what [rowset.Table.Identity] is for the table that is told apart by this within its database.
func (s *Source) identity(table string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.where.server + "/" + table
}

// sameTable refuses a table that is not the one that was described. It stands behind a statement
// that reads the table, whose lock keeps the name where it leads until the transaction ends.
func (s *Source) sameTable(table rowset.Table, name relation) statement {
	return statement{
		sql:    "SELECT " + identityOf + " FROM pg_class c WHERE c.oid = to_regclass($1)",
		params: []param{textParam(name.quoted())},
		read: func(rr *pgconn.ResultReader) error {
			return eachRow(rr, func(row [][]byte) error {
				if table.Identity != "" && s.identity(string(row[0])) != table.Identity {
					return chferry.Errorf(chferry.CodeSourceChanged,
						"table %s of database %q is not the one that was described: it was replaced",
						table.Name, s.alias)
				}
				return nil
			})
		},
	}
}

// transaction runs statements as one transaction. Its errors speak of table, if it is not empty.
func (s *Source) transaction(ctx context.Context, table string, statements ...statement) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return s.fail(ctx, err, table)
	}
	// A connection that is left inside a transaction is closed by the pool.
	defer conn.Release()
	return s.begin(ctx, conn.Conn().PgConn(), table, slices.Concat(statements, []statement{commit})...)
}

// run sends statements at once and reads their results in turn. Its errors speak of table, if it is not empty.
func (s *Source) run(ctx context.Context, conn *pgconn.PgConn, table string, statements []statement) error {
	limited := ctx
	if s.timeout > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, s.timeout+grace)
		defer cancel()
	}
	if err := exchange(limited, conn, statements); err != nil {
		return s.fail(ctx, err, table)
	}
	return nil
}

func exchange(ctx context.Context, conn *pgconn.PgConn, statements []statement) error {
	batch := &pgconn.Batch{}
	for _, st := range statements {
		st.addTo(batch)
	}
	results := conn.ExecBatch(ctx, batch)
	for i := 0; results.NextResult(); i++ {
		if err := statements[i].take(results.ResultReader()); err != nil {
			var tooMuch *source.TooMuchError
			if errors.As(err, &tooMuch) {
				// What is left may be gigabytes: the server stops sending when nobody listens.
				return errors.Join(err, conn.Close(ctx))
			}
			// What is left of the results is read and dropped, which makes the connection usable again.
			_ = results.Close()
			return err
		}
	}
	return results.Close()
}

func (st statement) addTo(batch *pgconn.Batch) {
	values, oids, formats := make([][]byte, len(st.params)), make([]uint32, len(st.params)),
		make([]int16, len(st.params))
	for i, p := range st.params {
		values[i], oids[i], formats[i] = p.value, p.oid, p.format
	}
	batch.ExecParams(st.sql, values, oids, formats, st.resultFormats)
}

func (st statement) take(rr *pgconn.ResultReader) error {
	if st.read != nil {
		if err := st.read(rr); err != nil {
			return err
		}
	}
	_, err := rr.Close()
	return err
}

// eachRow calls f with each row. The values are valid during the call.
func eachRow(rr *pgconn.ResultReader, f func(row [][]byte) error) error {
	for rr.NextRow() {
		if err := f(rr.Values()); err != nil {
			return err
		}
	}
	_, err := rr.Close()
	return err
}
