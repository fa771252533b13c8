package postgres_test

import (
	"net/url"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

func TestDescribeFindsTables(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE SCHEMA "a.b"; CREATE TABLE "a.b"."c d" (id int PRIMARY KEY);
		CREATE SCHEMA "Cap"; CREATE TABLE "Cap"."Users" (id int PRIMARY KEY);
		CREATE TABLE "Cap".users (id int PRIMARY KEY);
		CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE """""" (id int PRIMARY KEY);
		CREATE TABLE "x""y" (id int PRIMARY KEY)`)
	identities := map[string]string{}
	for _, name := range []string{
		`"a.b"."c d"`, `Cap.Users`, `"Cap".users`, `users`, `""""""`, `x"y`,
	} {
		identity := b.describe(t, name).Identity
		if other, ok := identities[identity]; ok {
			t.Errorf("%s and %s are one table, %s", name, other, identity)
		}
		identities[identity] = name
	}
	for _, name := range []string{`public.users`, `"public"."users"`, `"users"`, `public."users"`} {
		if got, want := identities[b.describe(t, name).Identity], "users"; got != want {
			t.Errorf("%s is table %q, want %s", name, got, want)
		}
	}
}

func TestDescribeRefusesNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE users (id int PRIMARY KEY); CREATE SEQUENCE numbers; CREATE TYPE pair AS (a int, b int);
		CREATE INDEX by_id ON users (id)`)
	for _, name := range []string{
		"", ".", "a.", ".a", "a.b.c", `"a`, `"a"b`, `""`, `a.""`, "a\x00b", "Users", "other.users", "numbers", "pair",
		"by_id", "users; DROP TABLE users", `users" --`,
	} {
		_, err := b.source.Describe(t.Context(), name, nil)
		if got, want := chferry.CodeOf(err), chferry.CodeConfiguration; got != want {
			t.Errorf("%q: got code %s (%v), want %s", name, got, err, want)
		}
	}
}

func TestDescribeIdentity(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE users (id int PRIMARY KEY)")
	var want string
	if err := b.conn.QueryRow(t.Context(), `SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
		(SELECT oid FROM pg_database WHERE datname = current_database()),
		'users'::regclass::oid)`).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got := b.describe(t, "users").Identity; got != want {
		t.Errorf("got identity %s, want %s", got, want)
	}
}

// TestDescribeColumns covers what the columns of a table may be beside plain.
func TestDescribeColumns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE DOMAIN email AS varchar(80) NOT NULL; CREATE DOMAIN tags AS text[];
		CREATE TABLE items (
			gone int, name email, tags text[], more tags, vector oidvector,
			total numeric(10,2) GENERATED ALWAYS AS (1.5) STORED,
			code text, id int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id, code) INCLUDE (total));
		ALTER TABLE items DROP COLUMN gone; ALTER TABLE items ADD COLUMN late bool`)

	table := b.describe(t, "items")

	want := []rowset.Column{
		{Name: "name", Type: nullable(text), SourceType: "character varying(80)"},
		{Name: "tags", Type: arrayOf(text, 1), SourceType: "text[]"},
		{Name: "more", Type: arrayOf(text, 1), SourceType: "text[]"},
		{Name: "vector", Type: nullable(text), SourceType: "oidvector"},
		{Name: "total", Type: nullable(decimal(10, 2)), SourceType: "numeric(10,2)"},
		{Name: "code", Type: text, SourceType: "text", Ordered: true},
		{Name: "id", Type: kind(rowset.Int32), SourceType: "integer", Ordered: true},
		{Name: "late", Type: nullable(kind(rowset.Bool)), SourceType: "boolean"},
	}
	for i := range want {
		want[i].Destination = want[i].Name
	}
	if !slices.Equal(table.Columns, want) {
		t.Errorf("got columns  %+v\nwant columns %+v", table.Columns, want)
	}
	if want := []int{6, 5}; !slices.Equal(table.PrimaryKey, want) {
		t.Errorf("got primary key %v, want %v", table.PrimaryKey, want)
	}

	b.exec(t, "INSERT INTO items (name, code) VALUES ('b', 'a')")
	pk := chferry.PrimaryKey{"1", "a"}
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, pk))
	if err != nil || rows.Rows() != 1 {
		t.Fatalf("got %d rows, %v, want 1", rows.Rows(), err)
	}
	if got, want := string(rows.Vectors[4].At(0)), "1.50"; got != want {
		t.Errorf("generated column: got %s, want %s", got, want)
	}
}

// TestDescribeDomainsOfParents: domains are followed in tables with children, too, which have columns of
// their own.
func TestDescribeDomainsOfParents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE DOMAIN age AS int CHECK (VALUE > 0); CREATE DOMAIN ages AS age[];
		CREATE TABLE parent (id int PRIMARY KEY, one age NOT NULL, many ages NOT NULL, name text NOT NULL,
			note text NOT NULL);
		CREATE TABLE child (more age) INHERITS (parent); ALTER TABLE child ALTER note DROP NOT NULL;
		CREATE TABLE grandchild (few int) INHERITS (child); ALTER TABLE grandchild ALTER one DROP NOT NULL`)
	want := []rowset.Type{
		kind(rowset.Int32), nullable(kind(rowset.Int32)), arrayOf(kind(rowset.Int32), 1), text, nullable(text),
	}
	var got []rowset.Type
	for _, c := range b.describe(t, "parent").Columns {
		got = append(got, c.Type)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got types  %+v\nwant types %+v", got, want)
	}
}

func nullable(typ rowset.Type) rowset.Type {
	typ.Nullable = true
	return typ
}

func TestDescribeRefusesKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `
		CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		CREATE DOMAIN folded AS text COLLATE folding`)
	for column, why := range map[string]string{
		"real": "real", "float8": "double precision", "jsonb": "jsonb", "money": "money", "oid": "oid",
		"int[]": "integer[]", "inet[]": "inet[]", "char(8) COLLATE folding": "collation", "char(4097)": "varchar",
		"text COLLATE folding": "collation", "varchar(8) COLLATE folding": "collation", "folded": "collation",
	} {
		b.exec(t, "CREATE TABLE items (id int, code "+column+", PRIMARY KEY (id, code))")
		_, err := b.source.Describe(t.Context(), "items", nil)
		wantCode(t, err, chferry.CodeSchemaMismatch, "items", `"code"`, why)
		b.exec(t, "DROP TABLE items")
	}
}

// TestDescribeRefusesOtherEncodings: a text that the encoding does not have would fail every statement that names it.
func TestDescribeRefusesOtherEncodings(t *testing.T) {
	t.Parallel()
	admin := setup(t)
	name := admin.conn.Config().Database + "_latin1"
	admin.exec(t, "CREATE DATABASE "+quote(name)+" ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	dropper := connect(t, admin.url)
	t.Cleanup(func() {
		if _, err := dropper.Exec(background(t), "DROP DATABASE "+quote(name)+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	b := at(t, edited(t, admin.url, func(u *url.URL) { u.Path = "/" + name }))
	b.exec(t, `CREATE TABLE numbered (id int PRIMARY KEY, name text); INSERT INTO numbered VALUES (1, chr(233));
		CREATE TABLE named (id text PRIMARY KEY)`)

	table := b.describe(t, "numbered")
	rows, err := b.source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	if err != nil || rows.Rows() != 1 || string(rows.Vectors[1].At(0)) != "é" {
		t.Errorf("got %d rows, %v, want é", rows.Rows(), err)
	}
	_, err = b.source.Describe(t.Context(), "named", nil)
	wantCode(t, err, chferry.CodeSchemaMismatch, "named", "LATIN1", "UTF8")
}

// TestDescribeRelations covers what can be read like a table.
func TestDescribeRelations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'one'), (2, 'two');
		CREATE VIEW seen AS SELECT * FROM items WHERE id < 2; CREATE MATERIALIZED VIEW kept AS SELECT * FROM items;
		CREATE TABLE parts (id int, day date, name text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
		CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
		INSERT INTO parts VALUES (1, '2024-02-29', 'one')`)
	for name, key := range map[string][]string{"seen": {"id"}, "kept": {"id"}, "parts": {"id"}} {
		table := b.describe(t, name, key...)
		if table.Columns[0].Type.Nullable {
			t.Errorf("%s: the key's column is nullable", name)
		}
		rows, err := b.source.Fetch(t.Context(), table,
			keysOf(t, table, chferry.PrimaryKey{"1"}, chferry.PrimaryKey{"3"}))
		if err != nil || rows.Rows() != 1 {
			t.Errorf("%s: got %d rows, %v, want 1", name, rows.Rows(), err)
		}
	}
	if got, want := b.describe(t, "parts").PrimaryKey, []int{0, 1}; !slices.Equal(got, want) {
		t.Errorf("partitioned table: got primary key %v, want %v", got, want)
	}
	for _, name := range []string{"seen", "kept"} {
		_, err := b.source.Describe(t.Context(), name, nil)
		wantCode(t, err, chferry.CodeConfiguration, name, "primary_key")
	}
}

// TestViewWithNullKeys makes sure that rows without a key are not passed over in silence.
func TestViewWithNullKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE VIEW v AS SELECT NULLIF(n, 2) AS id FROM generate_series(1, 3) AS n`)
	table := b.describe(t, "v", "id")
	err := b.source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error { return nil })
	wantCode(t, err, chferry.CodeSchemaMismatch, `"id"`, "v", "nulls")
}
