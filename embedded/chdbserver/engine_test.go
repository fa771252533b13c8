package chdbserver_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// TestBehaviours runs statements and then asks for one value, for each thing that chferry relies on.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	s := start(t)
	const users = "CREATE TABLE users (id Int64, name String, _version UInt64, _is_deleted UInt8) " +
		"ENGINE = ReplacingMergeTree(_version, _is_deleted) ORDER BY id"
	const current = "CREATE VIEW users_current AS SELECT id, name FROM users FINAL WHERE _is_deleted = 0"
	for name, test := range map[string]struct {
		statements []string
		sql, want  string
	}{
		"the newer version wins": {
			[]string{users, "INSERT INTO users VALUES (1, 'new', 2, 0)", "INSERT INTO users VALUES (1, 'old', 1, 0)"},
			"SELECT arrayStringConcat(groupArray(name), ' ') FROM users FINAL", "new",
		},
		"a tombstone removes its row from FINAL": {
			[]string{
				users, "INSERT INTO users VALUES (1, 'a', 1, 0), (2, 'b', 1, 0)",
				"INSERT INTO users VALUES (1, '', 2, 1)",
			},
			"SELECT arrayStringConcat(groupArray(name), ' ') FROM users FINAL", "b",
		},
		"a row comes back with a newer version": {
			[]string{users, "INSERT INTO users VALUES (1, '', 2, 1)", "INSERT INTO users VALUES (1, 'again', 3, 0)"},
			"SELECT arrayStringConcat(groupArray(name), ' ') FROM users FINAL", "again",
		},
		"a filter comes after FINAL": {
			[]string{users, "INSERT INTO users VALUES (1, 'old', 1, 0)", "INSERT INTO users VALUES (1, 'new', 2, 0)"},
			"SELECT toString(count()) FROM users FINAL WHERE name = 'old'", "0",
		},
		"the view shows what counts": {
			[]string{
				users, current, "INSERT INTO users VALUES (1, 'a', 1, 0), (2, 'b', 1, 0)",
				"INSERT INTO users VALUES (2, '', 2, 1)",
			},
			"SELECT arrayStringConcat(groupArray(name), ' ') FROM users_current", "a",
		},
		"merging keeps the newest": {
			[]string{
				users, "INSERT INTO users VALUES (1, 'a', 1, 0)", "INSERT INTO users VALUES (1, 'b', 2, 0)",
				"OPTIMIZE TABLE users FINAL",
			},
			"SELECT arrayStringConcat(groupArray(name), ' ') FROM users", "b",
		},
		"the last version is known": {
			[]string{users, "INSERT INTO users VALUES (1, 'a', 18446744073709551615, 0)"},
			"SELECT toString(max(_version)) FROM users", "18446744073709551615",
		},
		"a column is added": {
			[]string{
				users, "INSERT INTO users VALUES (1, 'a', 1, 0)",
				"ALTER TABLE users ADD COLUMN age Nullable(Int32) AFTER name",
				"INSERT INTO users (id, name, age, _version, _is_deleted) VALUES (1, 'a', 7, 2, 0)",
			},
			"SELECT toString(age) FROM users FINAL", "7",
		},
		"system tables describe a table": {
			[]string{users},
			"SELECT engine || ' by ' || sorting_key || ', ' || (SELECT arrayStringConcat(groupArray(name), ' ') FROM " +
				"system.columns WHERE database = currentDatabase() AND table = 'users') FROM system.tables WHERE " +
				"database = currentDatabase() AND name = 'users'",
			"ReplacingMergeTree by id, id name _version _is_deleted",
		},
		"creating twice changes nothing": {
			[]string{
				"CREATE TABLE IF NOT EXISTS users (id Int64) ENGINE = MergeTree ORDER BY id",
				"INSERT INTO users VALUES (1)",
				"CREATE TABLE IF NOT EXISTS users (id Int64) ENGINE = MergeTree ORDER BY id",
			},
			"SELECT toString(count()) FROM users", "1",
		},
		"collapsing takes a row back": {
			[]string{
				"CREATE TABLE users (id Int64, sign Int8) ENGINE = CollapsingMergeTree(sign) ORDER BY id",
				"INSERT INTO users VALUES (1, 1), (2, 1)", "INSERT INTO users VALUES (1, -1)",
			},
			"SELECT arrayStringConcat(groupArray(toString(id)), ' ') FROM users FINAL", "2",
		},
		"a block is dropped when it is repeated": {
			[]string{
				"CREATE TABLE users (id Int64) ENGINE = MergeTree ORDER BY id SETTINGS " +
					"non_replicated_deduplication_window = 100",
				"INSERT INTO users VALUES (1)", "INSERT INTO users VALUES (1)", "INSERT INTO users VALUES (2)",
			},
			"SELECT toString(count()) FROM users", "2",
		},
		"no window, no deduplication": {
			[]string{
				"CREATE TABLE users (id Int64) ENGINE = MergeTree ORDER BY id", "INSERT INTO users VALUES (1)",
				"INSERT INTO users VALUES (1)",
			},
			"SELECT toString(count()) FROM users", "2",
		},
		"names are quoted": {
			[]string{
				"CREATE TABLE users (`odd \\x60name\\x60` Int64) ENGINE = MergeTree ORDER BY tuple()",
				"INSERT INTO users (`odd \\x60name\\x60`) VALUES (7)",
			},
			"SELECT toString(`odd \\x60name\\x60`) FROM users", "7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.exec(t, "DROP VIEW IF EXISTS users_current", "DROP TABLE IF EXISTS users")
			s.exec(t, test.statements...)
			if got := s.one(t, test.sql); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestTokens inserts blocks of the client's with deduplication tokens.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, engine := range []string{"MergeTree", "CollapsingMergeTree(sign)", "ReplacingMergeTree"} {
		s.exec(t, "DROP TABLE IF EXISTS tokens", "CREATE TABLE tokens (id Int64, sign Int8) ENGINE = "+engine+
			" ORDER BY id SETTINGS non_replicated_deduplication_window = 100")
		insert := func(token string, id int64) {
			ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{
				"insert_deduplication_token": token, "async_insert": 0,
			}))
			batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO tokens (id, sign)")
			check(t, err)
			check(t, batch.Append(id, int8(1)))
			check(t, batch.Send())
		}
		insert("first", 1)
		insert("first", 2) // dropped, although its row is another
		insert("second", 1)
		insert("third", 3)
		if got, want := s.one(t, "SELECT arrayStringConcat(arraySort(groupArray(toString(id))), ' ') FROM tokens"),
			"1 1 3"; got != want {
			t.Errorf("%s: got %q, want %q", engine, got, want)
		}
	}
}

// TestWritersAndReaders has six of each on one table.
func TestWritersAndReaders(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE busy (id UInt64, text String) ENGINE = MergeTree ORDER BY id")
	const hands, batches, rows = 6, 20, 5_000
	failed := make(chan error, 2*hands)
	for hand := range hands {
		go func() { failed <- writeBusy(t.Context(), s, hand, batches, rows) }()
		go func() { failed <- readBusy(t.Context(), s, batches) }()
	}
	for range 2 * hands {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	got := s.one(t, "SELECT toString(count()) || ' ' || toString(uniqExact(id)) || ' ' || toString(countIf(text != "+
		"toString(id))) FROM busy")
	if want := fmt.Sprintf("%d %[1]d 0", hands*batches*rows); got != want {
		t.Errorf("rows, different ids, wrong texts: got %s, want %s", got, want)
	}
}

func writeBusy(ctx context.Context, s *server, hand, batches, rows int) error {
	for b := range batches {
		batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO busy (id, text)")
		if err != nil {
			return err
		}
		for row := range rows {
			id := uint64((hand*batches+b)*rows + row)
			if err := batch.Append(id, fmt.Sprint(id)); err != nil {
				return err
			}
		}
		if err := batch.Send(); err != nil {
			return err
		}
	}
	return nil
}

// readBusy reads whole batches, and never fewer than before.
func readBusy(ctx context.Context, s *server, times int) error {
	var before uint64
	for range times {
		var count, wrong uint64
		if err := s.conn.QueryRow(ctx, "SELECT count(), countIf(text != toString(id)) FROM busy").Scan(&count,
			&wrong); err != nil {
			return err
		}
		if count < before || wrong > 0 {
			return fmt.Errorf("%d rows after %d, %d of them wrong", count, before, wrong)
		}
		before = count
	}
	return nil
}
