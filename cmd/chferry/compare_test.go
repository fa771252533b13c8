package main_test

import (
	"context"
	"fmt"
)

// Both sides of a table as lines of text; a timestamp in whole seconds, which is what ClickHouse 18.16 holds.
const (
	usersInSource = `SELECT concat_ws('|', id, name, coalesce(email, 'NULL'), (balance * 100)::bigint, active::int,
		extract(epoch FROM date_trunc('second', created))::bigint, coalesce(birthday::text, 'NULL')) FROM users`
	usersInTarget = `SELECT concat(toString(id), '|', name, '|', ifNull(email, 'NULL'), '|',
		toString(toInt64(balance * 100)), '|', toString(toUInt8(active)), '|',
		toString(toUnixTimestamp(created)), '|', ifNull(toString(birthday), 'NULL')) FROM users_current`
	linesInSource = `SELECT concat_ws('|', order_id, line, item, coalesce((price * 1000)::bigint::text, 'NULL'))
		FROM lines`
	linesInTarget = `SELECT concat(toString(order_id), '|', toString(line), '|', item, '|',
		ifNull(toString(toInt64(price * 1000)), 'NULL')) FROM lines_current`
)

// same compares source and destination row by row.
func (s *stack) same(inSource, inTarget string) error {
	want := map[string]int{}
	rows, err := s.source.Query(s.t.Context(), inSource)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		want[line]++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	total := len(want)
	got, err := s.target.Query(context.Background(), inTarget)
	if err != nil {
		return err
	}
	defer got.Close()
	n := 0
	for got.Next() {
		var line string
		if err := got.Scan(&line); err != nil {
			return err
		}
		n++
		if want[line]--; want[line] < 0 {
			return fmt.Errorf("ClickHouse has a row too many, or another one: %s", line)
		}
	}
	if n != total {
		return fmt.Errorf("ClickHouse has %d rows, the source %d", n, total)
	}
	return got.Err()
}

func (s *stack) wantSame(inSource, inTarget string) {
	s.t.Helper()
	if err := s.same(inSource, inTarget); err != nil {
		s.t.Error(err)
	}
}
