package postgres_test

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/chferry/chferry"
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
		if _, err := conn.PgConn().Exec(background(t), "DROP OWNED BY "+name+"; DROP ROLE "+name).ReadAll(); err != nil {
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
	owner.exec(t, `CREATE SCHEMA closed; CREATE TABLE closed.items (id int PRIMARY KEY); GRANT SELECT ON closed.items TO `+user+`;
		CREATE TABLE items (id int PRIMARY KEY, secret text); CREATE TABLE partly (id int PRIMARY KEY, secret text); GRANT SELECT (id) ON partly TO `+user)
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
	wantCode(t, b.fetchErr(t, table), chferry.CodeUnknown, "writing", "25006")
}
