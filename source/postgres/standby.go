package postgres

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
)

const (
	// A standby that has not caught up within this time is given up for now.
	replayPatience = 30 * time.Second
	firstPause     = 2 * time.Millisecond
	longestPause   = 200 * time.Millisecond
	// From this pause on, after some 60 ms, the primary may have been keeping back what the standby waits for.
	flushPause = 64 * time.Millisecond
)

// positionSQL asks a server which changes it has. A standby tells what it has replayed, and the
// newest timeline that it is known to follow: the first two lag behind by a checkpoint, the third
// takes the right to read it. A primary tells what it has inserted into its log, flushed or not: a
// commit that does not wait for the flush counts as soon as it is made.
const positionSQL = `
SELECT pg_is_in_recovery(), (SELECT system_identifier FROM pg_control_system()),
	CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_replay_lsn(), '0/0')
	ELSE pg_current_wal_insert_lsn() END - '0/0'::pg_lsn,
	CASE WHEN pg_is_in_recovery() THEN greatest(
		(SELECT timeline_id FROM pg_control_checkpoint()),
		(SELECT min_recovery_end_timeline FROM pg_control_recovery()),
		(SELECT received_tli FROM pg_stat_wal_receiver))
	ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END`

// flush makes a primary flush its log, and so send it, within a moment. What no commit stands
// behind, such as the changes of an open transaction, a quiet primary keeps back: measured, for
// more than 10 s. It also puts a record behind the header of a page, where the position of a
// primary may stand while its standby stays before it. The transaction does nothing but take an ID,
// which every user may do, and its commit does not wait for the flush.
var flush = statement{sql: "SELECT txid_current()"}

// position is how far a server has come.
type position struct {
	standby  bool
	system   string // the server's identifier, which a standby shares with its primary
	location int64  // bytes of the log
	timeline int64  // counts promotions: locations on different timelines can't be compared
}

func (p *position) ask() statement {
	return statement{sql: positionSQL, read: func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			p.standby, p.system = string(row[0]) == "t", string(row[1])
			for i, into := range []*int64{&p.location, &p.timeline} {
				var err error
				if *into, err = strconv.ParseInt(string(row[2+i]), 10, 64); err != nil {
					return err
				}
			}
			return nil
		})
	}}
}

// reached tells whether a standby at p has all that its primary had at target.
func (p position) reached(target position) bool {
	return p.timeline == target.timeline && p.location >= target.location
}

// begin begins a transaction with its first statements. A standby first has to replay what its
// primary has by now. It is awaited before the transaction, whose snapshots would keep it from
// replaying. A transaction that reads no table does not wait.
func (s *Source) begin(ctx context.Context, conn *pgconn.PgConn, table string, statements ...statement) error {
	opening := s.opening
	if s.primary != nil {
		r := &replay{Source: s, conn: conn, deadline: time.Now().Add(s.patience)}
		if err := r.compare(ctx); err != nil {
			return err
		}
		if table != "" {
			if err := r.await(ctx); err != nil {
				return err
			}
			opening = append(slices.Clone(opening), r.still())
		}
	}
	return s.run(ctx, conn, table, slices.Concat(opening, statements))
}

// replay is the wait of one read for its standby.
type replay struct {
	*Source
	conn     *pgconn.PgConn
	deadline time.Time
	here     position // of the server that is to be read
	target   position // of its primary, when the read began; zero if here is no standby
}

// compare asks both servers for their positions, and refuses a primary that is not the standby's. A
// server that was promoted is read as any primary, whatever became of its own.
func (r *replay) compare(ctx context.Context) error {
	if err := r.look(ctx); err != nil || !r.here.standby {
		return err
	}
	if err := r.onPrimary(ctx, r.target.ask()); err != nil {
		return err
	}
	refuse := func(what string) error {
		return chferry.Errorf(chferry.CodeConfiguration,
			"standby_of of database %q leads to %s, at %s: it must lead to the primary of the standby at %s",
			r.alias, what, r.primary.address, r.address)
	}
	switch {
	case r.target.system != r.here.system:
		return refuse("another server's data")
	case r.target.standby:
		return refuse("a standby too")
	case r.target.timeline < r.here.timeline:
		return refuse("a former primary")
	}
	return nil
}

// await waits for the standby to reach target or to be promoted.
func (r *replay) await(ctx context.Context) error {
	for pause := firstPause; r.here.standby && !r.here.reached(r.target); pause = min(2*pause, longestPause) {
		remaining := time.Until(r.deadline)
		if remaining <= 0 {
			return r.lagging()
		}
		select {
		case <-time.After(min(pause, remaining)):
		case <-ctx.Done():
			return r.fail(ctx, ctx.Err(), "")
		}
		if pause == flushPause {
			if err := r.onPrimary(ctx, flush); err != nil {
				return err
			}
		}
		if err := r.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// still refuses another server than the one that was awaited: a pooler may have put it behind the connection.
func (r *replay) still() statement {
	look := r.here.ask()
	ask := look.read
	look.read = func(rr *pgconn.ResultReader) error {
		if err := ask(rr); err != nil {
			return err
		}
		if r.here.standby && !r.here.reached(r.target) {
			return chferry.Errorf(chferry.CodeUnavailable,
				"database %q: there are several servers at %s, and another one answers than the one "+
					"that had caught up with the primary", r.alias, r.address)
		}
		return nil
	}
	return look
}

func (r *replay) look(ctx context.Context) error {
	return r.run(ctx, r.conn, "", slices.Concat(r.opening, []statement{r.here.ask(), commit}))
}

func (r *replay) onPrimary(ctx context.Context, st statement) error {
	limited, cancel := context.WithDeadline(ctx, r.deadline)
	defer cancel()
	conn, err := r.primary.pool.Acquire(limited)
	if err == nil {
		defer conn.Release()
		err = exchange(limited, conn.Conn().PgConn(), []statement{begin, st, commit})
	}
	if err != nil {
		return r.primary.fail(ctx, err, "")
	}
	return nil
}

func (r *replay) lagging() error {
	if r.here.timeline != r.target.timeline {
		return chferry.Errorf(chferry.CodeUnavailable,
			"database %q: the standby at %s does not follow its primary at %s, or can't show it yet: "+
				"it is on timeline %d, the primary on %d",
			r.alias, r.address, r.primary.address, r.here.timeline, r.target.timeline)
	}
	return chferry.Errorf(chferry.CodeUnavailable,
		"database %q: the standby at %s lags behind its primary at %s by %d bytes: "+
			"it is slow, its replay is paused, or it lost its connection to the primary",
		r.alias, r.address, r.primary.address, r.target.location-r.here.location)
}
