package demo

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite
)

// The shop has users, and orders' lines with a composite key; six of ten rows are users.
const (
	users = "users"
	lines = "order_lines"
)

// operation is one registration, as the HTTP API takes it.
type operation struct {
	Operation string `json:"operation"`
	PK        any    `json:"pk"` // a text or, for a composite key, a list
}

// shop is the application: it writes into the source database.
type shop struct {
	db      *sql.DB
	marker  string // a placeholder in SQL, before its number
	random  *rand.Rand
	users   int // the greatest ID
	orders  int // the greatest ID; each order has four lines at first
	deleted map[string]int
}

// shopTables are for PostgreSQL and SQLite alike.
const shopTables = `
CREATE TABLE IF NOT EXISTS users (id BIGINT PRIMARY KEY NOT NULL, name TEXT NOT NULL, email TEXT,
	balance NUMERIC(12,2) NOT NULL, active BOOLEAN NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE IF NOT EXISTS order_lines (order_id BIGINT NOT NULL, line INTEGER NOT NULL, item TEXT NOT NULL,
	quantity INTEGER NOT NULL, price NUMERIC(10,2) NOT NULL, PRIMARY KEY (order_id, line));`

func openShop(ctx context.Context, stack *Stack) (*shop, error) {
	s := &shop{marker: "$", random: rand.New(rand.NewPCG(1, 2)), deleted: map[string]int{}}
	driver, dsn := "pgx", stack.SourceURL
	if file, ok := strings.CutPrefix(stack.SourceURL, "sqlite:"); ok {
		driver, dsn, s.marker = "sqlite", file+"?_pragma=journal_mode(wal)&_pragma=busy_timeout(5000)", "?"
	}
	var err error
	if s.db, err = sql.Open(driver, dsn); err != nil {
		return nil, fmt.Errorf("open the shop's database: %w", err)
	}
	s.db.SetMaxOpenConns(1)
	if _, err := s.db.ExecContext(ctx, shopTables); err != nil {
		s.close()
		return nil, fmt.Errorf("create the shop's tables: %w", err)
	}
	return s, nil
}

func (s *shop) close() { _ = s.db.Close() }

const linesPerOrder = 4

// fill inserts so many rows, a few hundred a statement, in one transaction.
func (s *shop) fill(ctx context.Context, rows int, written func(int)) error {
	return s.transaction(ctx, func(tx *sql.Tx) error {
		for remaining := rows * 6 / 10; remaining > 0; remaining -= statementRows {
			n := min(remaining, statementRows)
			if err := s.insertUsers(ctx, tx, n); err != nil {
				return err
			}
			written(n)
		}
		for remaining := rows - rows*6/10; remaining > 0; remaining -= statementRows {
			n := min(remaining, statementRows)
			if err := s.insertLines(ctx, tx, n/linesPerOrder, linesPerOrder); err != nil {
				return err
			}
			if err := s.insertLines(ctx, tx, min(1, n%linesPerOrder), n%linesPerOrder); err != nil {
				return err
			}
			written(n)
		}
		return nil
	})
}

// statementRows keeps a statement's parameters below what both databases take.
const statementRows = 400

func (s *shop) transaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction of the shop: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after the commit it does nothing
	if err := do(tx); err != nil {
		return fmt.Errorf("write into the shop: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit a transaction of the shop: %w", err)
	}
	return nil
}

// firstDay is when the shop opened.
var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 123456000, time.UTC)

func (s *shop) insertUsers(ctx context.Context, tx *sql.Tx, n int) error {
	values := make([]any, 0, n*6)
	for range n {
		s.users++
		var email any
		if s.users%3 > 0 {
			email = fmt.Sprintf("user%d@example.com", s.users)
		}
		created := firstDay.Add(time.Duration(s.users) * time.Minute).Format("2006-01-02 15:04:05.000000")
		values = append(values, s.users, fmt.Sprintf("User %d", s.users), email, cents(s.users), s.users%2 == 0,
			created)
	}
	return s.insert(ctx, tx, users, 6, values)
}

func (s *shop) insertLines(ctx context.Context, tx *sql.Tx, orders, each int) error {
	var values []any
	for range orders {
		s.orders++
		for line := 1; line <= each; line++ {
			values = append(values, s.orders, line, fmt.Sprintf("item %d", s.random.IntN(500)), 1+s.random.IntN(9),
				cents(s.orders))
		}
	}
	return s.insert(ctx, tx, lines, 5, values)
}

func cents(n int) string { return fmt.Sprintf("%d.%02d", n%1000, n%100) }

func (s *shop) insert(ctx context.Context, tx *sql.Tx, table string, columns int, values []any) error {
	if len(values) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("INSERT INTO " + table + " VALUES ")
	for i := range values {
		separator := ","
		switch {
		case i == 0:
			separator = "("
		case i%columns == 0:
			separator = "),("
		}
		text.WriteString(separator + s.marker + strconv.Itoa(i+1))
	}
	text.WriteString(")")
	_, err := tx.ExecContext(ctx, text.String(), values...)
	return err
}

// everyKey calls each with an import key and operations that insert every row of its table, page by page.
func (s *shop) everyKey(ctx context.Context, each func(key string, ops []operation) error) error {
	if err := s.keys(ctx, "SELECT id, 0 FROM users ORDER BY id", func(id, _ int) any { return strconv.Itoa(id) },
		func(ops []operation) error { return each(users, ops) }); err != nil {
		return err
	}
	return s.keys(ctx, "SELECT order_id, line FROM order_lines ORDER BY order_id, line", linePK,
		func(ops []operation) error { return each(lines, ops) })
}

func linePK(order, line int) any { return []string{strconv.Itoa(order), strconv.Itoa(line)} }

// registerPage is as many operations as one call may register.
const registerPage = 10_000

func (s *shop) keys(ctx context.Context, query string, pk func(a, b int) any, each func([]operation) error) error {
	rows, err := s.db.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("read the shop's keys: %w", err)
	}
	defer rows.Close()
	var ops []operation
	for rows.Next() {
		var a, b int
		if err := rows.Scan(&a, &b); err != nil {
			return fmt.Errorf("read the shop's keys: %w", err)
		}
		if ops = append(ops, operation{"insert", pk(a, b)}); len(ops) == registerPage {
			if err := each(ops); err != nil {
				return err
			}
			ops = nil
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the shop's keys: %w", err)
	}
	if len(ops) == 0 {
		return nil
	}
	return each(ops)
}

// change commits one transaction with inserts, updates and deletes, and returns its operations by import key.
func (s *shop) change(ctx context.Context) (map[string][]operation, error) {
	ops := map[string][]operation{}
	firstUser, firstOrder := s.users+1, s.orders+1
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		if err := s.insertUsers(ctx, tx, 20); err != nil {
			return err
		}
		if err := s.insertLines(ctx, tx, 5, linesPerOrder); err != nil {
			return err
		}
		for id := firstUser; id <= s.users; id++ {
			ops[users] = append(ops[users], operation{"insert", strconv.Itoa(id)})
		}
		for order := firstOrder; order <= s.orders; order++ {
			for line := 1; line <= linesPerOrder; line++ {
				ops[lines] = append(ops[lines], operation{"insert", linePK(order, line)})
			}
		}
		return s.changeOld(ctx, tx, ops)
	})
	return ops, err
}

// changeOld updates and deletes rows at random. Some are gone already; a shop would not register
// those, but it would do no harm.
func (s *shop) changeOld(ctx context.Context, tx *sql.Tx, ops map[string][]operation) error {
	for range 20 {
		id, order, line := 1+s.random.IntN(s.users), 1+s.random.IntN(s.orders), 1+s.random.IntN(linesPerOrder)
		if _, err := tx.ExecContext(ctx, s.sql("UPDATE users SET balance = balance + 1, name = ? WHERE id = ?"),
			fmt.Sprintf("User %d, again", id), id); err != nil {
			return err
		}
		ops[users] = append(ops[users], operation{"update", strconv.Itoa(id)})
		if _, err := tx.ExecContext(ctx,
			s.sql("UPDATE order_lines SET quantity = quantity + 1 WHERE order_id = ? AND "+
				"line = ?"), order, line); err != nil {
			return err
		}
		ops[lines] = append(ops[lines], operation{"update", linePK(order, line)})
	}
	for range 5 {
		id, order := 1+s.random.IntN(s.users), 1+s.random.IntN(s.orders)
		if err := s.delete(ctx, tx, users, "DELETE FROM users WHERE id = ?", id); err != nil {
			return err
		}
		ops[users] = append(ops[users], operation{"delete", strconv.Itoa(id)})
		const deleteLine = "DELETE FROM order_lines WHERE order_id = ? AND line = ?"
		if err := s.delete(ctx, tx, lines, deleteLine, order, 1); err != nil {
			return err
		}
		ops[lines] = append(ops[lines], operation{"delete", linePK(order, 1)})
	}
	return nil
}

func (s *shop) delete(ctx context.Context, tx *sql.Tx, table, statement string, values ...any) error {
	result, err := tx.ExecContext(ctx, s.sql(statement), values...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	s.deleted[table] += int(n)
	return err
}

// sql numbers the placeholders of a statement.
func (s *shop) sql(statement string) string {
	for n := 1; strings.Contains(statement, "?"); n++ {
		statement = strings.Replace(statement, "?", "\x00"+strconv.Itoa(n), 1)
	}
	return strings.ReplaceAll(statement, "\x00", s.marker)
}
