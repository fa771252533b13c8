package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

const (
	// A place in the middle is not looked for longer than this.
	halveTimeout = 5 * time.Second
	// The middle of so many rows is found by going through their keys.
	mostCounted = 100_000
	// In a larger range, about so many of the table's blocks are looked into.
	sampledBlocks = 500
)

// Halve implements [source.Ranger]. It takes a border from the statistics if there is one inside
// the range, then the middle of the range's keys if they are few, and else the middle of a sample
// of the table. A table that can't be sampled, such as a view, gives a key near the beginning.
func (s *Source) Halve(ctx context.Context, table rowset.Table, of source.Range) (string, error) {
	r, err := s.rangeOf(ctx, table, "")
	if err != nil {
		return "", err
	}
	place, err := r.halve(of)
	var ended *pgconn.PgError
	if errors.As(err, &ended) && ended.Code == queryCanceled {
		return "", nil
	}
	return place, err
}

func (r *tableRange) halve(of source.Range) (string, error) {
	place, err := r.bordering(of)
	if err != nil || place != "" {
		return place, err
	}
	near, n, err := r.middle(of, r.from(), r.mostCounted)
	if err != nil || n < r.mostCounted {
		return near, err
	}
	sampled, err := r.sample(of)
	if err != nil || sampled != "" {
		return sampled, err
	}
	return near, nil
}

// bordering returns a border of the statistics about the middle of a range, if there are keys on both of its sides.
func (r *tableRange) bordering(of source.Range) (string, error) {
	var ends [2][]string
	for i, place := range []string{of.After, of.UpTo} {
		if place == "" {
			continue
		}
		values, err := r.order.values(place)
		if err != nil {
			return "", err
		}
		ends[i] = values[:1]
	}
	if ends[1] == nil {
		return "", nil // such a range was not cut
	}
	borders, err := r.borders(ends[0], ends[1])
	if err != nil || len(borders) == 0 {
		return "", err
	}
	border := borders[len(borders)/2]
	for _, half := range []source.Range{{After: of.After, UpTo: border}, {After: border, UpTo: of.UpTo}} {
		if place, _, err := r.KeyAt(half, 1); err != nil || place == "" {
			return "", err
		}
	}
	return border, nil
}

// middle returns the key in the middle of the first keys of a range that a FROM clause gives, and
// how many there are. The last one is no middle: there must be rows on both sides.
func (r *tableRange) middle(of source.Range, from string, most int) (place string, n int, err error) {
	within, params, err := r.within(of, "")
	if err != nil {
		return "", 0, err
	}
	list := r.order.list()
	sql := fmt.Sprintf("WITH k AS (SELECT %s, row_number() OVER (ORDER BY %s) AS chferry_n%s%s ORDER BY %s LIMIT %d)",
		r.keyColumns(), list, from, within, list, most)
	sql += ", n AS (SELECT count(*) AS n FROM k) SELECT n.n, " + strings.Join(r.order.texts(), ", ") +
		" FROM k AS t, n WHERE t.chferry_n = n.n / 2"
	_, found, err := r.key(sql, params, r.hurry())
	if err != nil || found == nil {
		return "", 0, err
	}
	if n, err = strconv.Atoi(found[0]); err != nil {
		return "", 0, err
	}
	place, err = r.order.place(found[1:])
	return place, n, err
}

// sizeSQL returns the blocks of the table $1 with its partitions and other children, and what kind of relation it is.
const sizeSQL = `
WITH RECURSIVE tree AS (
	SELECT to_regclass($1)::oid AS oid
	UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid
)
SELECT greatest(1, sum(pg_relation_size(tree.oid)) / current_setting('block_size')::int),
	(SELECT relkind FROM pg_class WHERE oid = to_regclass($1)) FROM tree`

// sample returns the middle of the keys of a range that are in some of the table's blocks.
func (r *tableRange) sample(of source.Range) (string, error) {
	const percent = 100
	_, found, err := r.key(sizeSQL, []param{textParam(r.name.quoted())})
	if err != nil || len(found) < 2 || !strings.Contains("rpm", found[1]) {
		return "", err
	}
	total, err := strconv.ParseFloat(found[0], 64)
	if err != nil {
		return "", err
	}
	share := strconv.FormatFloat(min(percent, percent*sampledBlocks/total), 'f', 9, 64)
	place, _, err := r.middle(of, r.from()+" TABLESAMPLE SYSTEM ("+share+")", r.mostCounted)
	return place, err
}

// hurry shortens the statement timeout for the rest of a transaction.
func (r *tableRange) hurry() statement {
	timeout := halveTimeout
	if r.timeout > 0 {
		timeout = min(timeout, r.timeout)
	}
	return statement{
		sql:    "SELECT set_config('statement_timeout', $1, true)",
		params: []param{textParam(strconv.FormatInt(timeout.Milliseconds(), 10))},
	}
}
