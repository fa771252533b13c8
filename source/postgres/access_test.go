package postgres_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source/sourcetest"
)

// role creates a login role, which is dropped with everything it may do when the test ends.
func (b bundle) role(t *testing.T, name, options string) string {
	t.Helper()
	var pid int
	if err := b.conn.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	name = fmt.Sprintf("chferry_%s_%d", name, pid)
	b.exec(t, "CREATE ROLE "+name+" LOGIN PASSWORD 's3cret' "+options)
	conn := connect(t, b.url)
	t.Cleanup(func() {
		if _, err := conn.PgConn().Exec(background(t),
			"DROP OWNED BY "+name+"; DROP ROLE "+name).ReadAll(); err != nil {
			t.Errorf("drop role: %v", err)
		}
	})
	return name
}

// as returns the URL for a role that was created by role.
func as(t *testing.T, address, role string) string {
	t.Helper()
	return edited(t, address, func(u *url.URL) { u.User = url.UserPassword(role, "s3cret") })
}

func TestRowSecurityIsRefused(t *testing.T) {
	t.Parallel()
	owner := setup(t)
	user := owner.role(t, "reader", "")
	owner.exec(t, `CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1), (2);
		GRANT SELECT ON items TO `+user+`; CREATE POLICY few ON items USING (id > 1)`)
	reader := at(t, as(t, owner.url, user))
	table := reader.describe(t, "items")

	owner.exec(t, "ALTER TABLE items ENABLE ROW LEVEL SECURITY")

	_, err := reader.source.Describe(t.Context(), "items", nil)
	wantCode(t, err, chferry.CodeConfiguration, "items", "row security", "BYPASSRLS")
	// A table that was described before must not lose its hidden rows either.
	wantCode(t, reader.fetchErr(t, table), chferry.CodeAccessDenied, "items", "BYPASSRLS")
	err = reader.source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error { return nil })
	wantCode(t, err, chferry.CodeAccessDenied, "items")
	if err := owner.fetchErr(t, owner.describe(t, "items")); err != nil {
		t.Errorf("the owner, who sees all rows: %v", err)
	}
	owner.exec(t, "ALTER TABLE items FORCE ROW LEVEL SECURITY; ALTER ROLE "+user+" BYPASSRLS")
	if err := reader.fetchErr(t, reader.describe(t, "items")); err != nil {
		t.Errorf("a role with BYPASSRLS: %v", err)
	}
}

func TestMissingRights(t *testing.T) {
	t.Parallel()
	owner := setup(t)
	user := owner.role(t, "stranger", "")
	owner.exec(t, `CREATE SCHEMA closed; CREATE TABLE closed.items (id int PRIMARY KEY);
		GRANT SELECT ON closed.items TO `+user+`;
		CREATE TABLE items (id int PRIMARY KEY, secret text); CREATE TABLE partly (id int PRIMARY KEY, secret text);
		GRANT SELECT (id) ON partly TO `+user)
	b := at(t, as(t, owner.url, user))
	for _, name := range []string{"items", "closed.items"} {
		_, err := b.source.Describe(t.Context(), name, nil)
		wantCode(t, err, chferry.CodeAccessDenied, name, "GRANT")
	}
	table := b.describe(t, "partly")
	wantCode(t, b.fetchErr(t, table), chferry.CodeAccessDenied, "partly", "GRANT")
	projected, err := table.Project(chferry.Import{Exclude: []string{"secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.fetchErr(t, projected); err != nil {
		t.Errorf("without the column that is closed: %v", err)
	}
}

func TestCannotBeIdentified(t *testing.T) {
	t.Parallel()
	owner := setup(t)
	user := owner.role(t, "unidentified", "")
	owner.exec(t, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
	err := open(t, as(t, owner.url, user)).Check(t.Context())
	wantCode(t, err, chferry.CodeAccessDenied, alias, "GRANT EXECUTE ON FUNCTION pg_control_system()")
}

// TestReadOnly makes sure that even a view that writes can't.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE SEQUENCE numbers; CREATE VIEW writing AS SELECT nextval('numbers') AS id")
	table := b.describe(t, "writing", "id")
	wantCode(t, b.fetchErr(t, table), chferry.CodeConfiguration, "writing", "25006")
}

// TestSession looks at the session from within it.
func TestSession(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE VIEW session AS SELECT 1 AS id, current_setting('transaction_read_only') AS read_only,
		current_setting('statement_timeout') AS timeout, current_setting('transaction_isolation') AS isolation,
		current_setting('application_name') AS name`)
	table := b.describe(t, "session", "id")
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	if err != nil || rows.Rows() != 1 {
		t.Fatalf("got %d rows, %v, want 1", rows.Rows(), err)
	}
	for c, want := range []string{"1", "on", "1min", "read committed", "chferry"} {
		if got := sourcetest.Text(&rows.Vectors[c], 0); got != want {
			t.Errorf("%s: got %s, want %s", table.Columns[c].Name, got, want)
		}
	}
}

// TestLockedRows: rows that others change or lock are read as they were committed last, at once.
func TestLockedRows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'old'), (2, 'old'), "+
		"(3, 'old')")
	limited := b
	limited.source = open(t, withParameter(t, b.url, "statement_timeout", "5s")) // waiting would fail
	table := limited.describe(t, "items")
	b.exec(t, `BEGIN; UPDATE items SET name = 'new' WHERE id = 1; DELETE FROM items WHERE id = 2;
		SELECT * FROM items WHERE id = 3 FOR UPDATE; INSERT INTO items VALUES (4, 'new')`)
	limited.wantItems(t, table, "1 old", "2 old", "3 old")
	b.exec(t, "COMMIT")
	limited.wantItems(t, table, "1 new", "3 old", "4 new")
}

// wantItems reads the rows 1 to 4.
func (b bundle) wantItems(t *testing.T, table rowset.Table, want ...string) {
	t.Helper()
	keys := keysOf(t, table, chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"2"}, chferry.PrimaryKey{"3"},
		chferry.PrimaryKey{"4"})
	rows, err := b.source.Fetch(t.Context(), table, keys)
	var got []string
	for r := range rows.Rows() {
		got = append(got, sourcetest.Text(&rows.Vectors[0], r)+" "+sourcetest.Text(&rows.Vectors[1], r))
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	total := 0
	err = b.source.PrimaryKeys(t.Context(), table, 2, func(page []chferry.PrimaryKey) error {
		total += len(page)
		return nil
	})
	if err != nil || total != len(want) {
		t.Errorf("got %d keys, %v, want %d", total, err, len(want))
	}
}
