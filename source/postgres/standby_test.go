package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source/postgres"
)

// patience is enough for a busy machine to answer.
const patience = 2 * time.Second

// reads are the ways to read a table. Each tells whether it sees row 2.
func (b bundle) reads(t *testing.T, table rowset.Table) map[string]func() (bool, error) {
	return map[string]func() (bool, error){
		"Fetch": func() (bool, error) {
			rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"2"}))
			return rows.Rows() == 1, err
		},
		"PrimaryKeys": func() (found bool, err error) {
			err = b.source.PrimaryKeys(t.Context(), table, 10, func(page []chferry.PrimaryKey) error {
				found = found || slices.ContainsFunc(page, func(pk chferry.PrimaryKey) bool { return pk[0] == "2" })
				return nil
			})
			return found, err
		},
		"Describe": func() (bool, error) {
			described, err := b.source.Describe(t.Context(), "items", nil)
			return err == nil &&
				slices.ContainsFunc(described.Columns, func(c rowset.Column) bool { return c.Name == "more" }), err
		},
	}
}

// TestStandbyIsReadOnceItCaughtUp pauses the replay under each read.
func TestStandbyIsReadOnceItCaughtUp(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	table := r.describe(t, "items")
	for name, read := range r.reads(t, table) {
		if found, err := read(); found || err != nil {
			t.Errorf("%s, before: got %v, %v", name, found, err)
		}
		r.onStandby(t, "SELECT pg_wal_replay_pause()")
		r.exec(t, "INSERT INTO items VALUES (2); ALTER TABLE items ADD more text")
		type result struct {
			found bool
			err   error
		}
		done := make(chan result, 1)
		go func() {
			found, err := read()
			done <- result{found, err}
		}()
		select {
		case got := <-done:
			t.Errorf("%s did not wait: got %v", name, got)
		case <-time.After(500 * time.Millisecond):
			r.onStandby(t, "SELECT pg_wal_replay_resume()")
			if got, want := <-done, (result{true, nil}); got != want {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
		r.exec(t, "DELETE FROM items WHERE id = 2; ALTER TABLE items DROP more")
	}
}

// TestQuietPrimary leaves the primary's log where it stays for long: at the end of a segment, and
// with changes that nobody flushes.
func TestQuietPrimary(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	table := r.describe(t, "items")
	postgres.SetPatience(r.source, 8*time.Second)
	for range 3 {
		r.exec(t, "INSERT INTO items SELECT max(id) + 1 FROM items; CHECKPOINT; SELECT pg_switch_wal()")
		if err := r.fetchErr(t, table); err != nil {
			t.Errorf("at the end of a segment: %v", err)
		}
	}
	r.exec(t, "SELECT pg_sleep(1); BEGIN; INSERT INTO items VALUES (9)")
	if err := r.fetchErr(t, table); err != nil {
		t.Errorf("with an open transaction: %v", err)
	}
}

func TestLaggingStandby(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	table := r.describe(t, "items")
	r.onStandby(t, "SELECT pg_wal_replay_pause()")
	r.exec(t, "INSERT INTO items VALUES (1), (2)")
	postgres.SetPatience(r.source, patience)
	for name, read := range r.reads(t, table) {
		started := time.Now()
		_, err := read()
		wantCode(t, err, chferry.CodeUnavailable, alias, r.standby.Addr, r.primary.Addr, "lags behind its primary",
			"bytes")
		if got := time.Since(started); got < patience || got > 10*patience {
			t.Errorf("%s gave up after %s, want about %s", name, got, patience)
		}
	}
	if err := r.source.Check(t.Context()); err != nil {
		t.Errorf("Check, which reads no table: %v", err)
	}

	// Promotion replays what is there and leaves nothing to wait for: the old primary is not even asked.
	r.onStandby(t, "SELECT pg_wal_replay_resume(); SELECT pg_promote()")
	if err := r.primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if !r.found(t, table, chferry.PrimaryKey{"2"})[0] {
		t.Error("the promoted standby has no row 2")
	}
}

// TestWrongPrimary gives a standby what is not its primary.
func TestWrongPrimary(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	table := r.describe(t, "items")
	refusing := listen(t)
	_ = refusing.Close()
	silent := listen(t)
	for name, test := range map[string]struct {
		primary, names string
		want           chferry.Code
	}{
		"none":            {"", "must give the primary's url", chferry.CodeConfiguration},
		"another cluster": {testenv.Postgres(t), "another server's data", chferry.CodeConfiguration},
		"a standby":       {r.standby.URL, "a standby too", chferry.CodeConfiguration},
		"refusing": {
			"postgres://app:s3cret@" + refusing.Addr().String() + "/shop", refusing.Addr().String(),
			chferry.CodeUnavailable,
		},
		"silent": {
			"postgres://app:s3cret@" + silent.Addr().String() + "/shop", "too long",
			chferry.CodeUnavailable,
		},
	} {
		s := openStandby(t, r.standby.URL, test.primary)
		postgres.SetPatience(s, patience)
		started := time.Now()
		wantCode(t, s.Check(t.Context()), test.want, alias, "standby_of", test.names)
		err := bundle{source: s}.fetchErr(t, table)
		wantCode(t, err, test.want, alias, "standby_of", test.names)
		hidesPassword(t, name, err)
		if got := time.Since(started); got > 20*patience {
			t.Errorf("%s: took %s", name, got)
		}
	}
	// Where there is no standby, nobody is asked.
	if err := openStandby(t, r.primary.URL,
		"postgres://"+refusing.Addr().String()+"/shop").Check(t.Context()); err != nil {
		t.Errorf("the primary itself: %v", err)
	}
}

// TestFailover moves the primary to new timelines, whose locations say nothing about those of others.
func TestFailover(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	table := r.describe(t, "items")
	former := copyOf(t, r.primary, nil)
	promote(t, r.primary)
	on(t, r.primary, "INSERT INTO items SELECT generate_series(1, 20000)")
	read := func(b bundle) error { return b.fetchErr(t, table) }
	if err := eventuallyNot(t, chferry.CodeUnavailable, func() error { return read(r.bundle) }); err != nil {
		t.Fatalf("the standby that follows: %v", err)
	}
	if !r.found(t, table, chferry.PrimaryKey{"20000"})[0] {
		t.Error("the standby that follows has no row 20000")
	}

	wrong := bundle{source: openStandby(t, r.standby.URL, former.URL)}
	wantCode(t, read(wrong), chferry.CodeConfiguration, alias, "former primary", former.Addr)

	promote(t, former)
	promote(t, former) // now on timeline 3, with less in its log than the standby replayed on timeline 2
	postgres.SetPatience(wrong.source, patience)
	wantCode(t, read(wrong), chferry.CodeUnavailable, alias) // perhaps because the restart broke the connection
	wantCode(t, read(wrong), chferry.CodeUnavailable, alias, "timeline 2", "on 3")
}

// TestRecoveryConflict removes rows for good that a read on the standby may still see.
func TestRecoveryConflict(t *testing.T) {
	t.Parallel()
	r := setupReplica(t, "-c", "max_standby_streaming_delay=0")
	r.exec(t, `CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1), (2);
		CREATE VIEW slow AS SELECT id, pg_sleep(20) IS NULL AS slept FROM items`)
	table, err := r.source.Describe(t.Context(), "slow", []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.fetchErr(t, table) }()
	standby := connect(t, r.standby.URL)
	sleeping := func() error {
		var n int
		err := standby.QueryRow(t.Context(), "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").Scan(&n)
		return err
	}
	if err := eventually(t, true, sleeping); err != nil {
		t.Fatalf("the read did not begin: %v", err)
	}
	r.exec(t, "DELETE FROM items WHERE id = 2")
	r.exec(t, "VACUUM items")
	wantCode(t, <-done, chferry.CodeUnavailable, alias, "hot_standby_feedback", "max_standby_streaming_delay")
}

// TestPlainUserOfStandby makes sure that a user of the standby needs no more rights than one of the
// primary, and that the user's default isolation, here one that standbys refuse, does not matter.
func TestPlainUserOfStandby(t *testing.T) {
	t.Parallel()
	r := setupReplica(t)
	r.exec(t, `CREATE ROLE app LOGIN PASSWORD 's3cret';
		ALTER ROLE app SET default_transaction_isolation = 'serializable';
		CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1); GRANT SELECT ON items TO app`)
	table := r.describe(t, "items")
	app := bundle{source: openStandby(t, as(t, r.standby.URL, "app"), as(t, r.primary.URL, "app"))}
	if err := app.fetchErr(t, table); err != nil {
		t.Error(err)
	}
	r.exec(t, "REVOKE EXECUTE ON FUNCTION pg_control_recovery() FROM PUBLIC")
	r.describe(t, "items") // returns when the standby has replayed that
	wantCode(t, app.source.Check(t.Context()), chferry.CodeAccessDenied, alias, "pg_control_recovery()")
}
