package postgres_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
	"github.com/chferry/chferry/source/sourcetest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	sourcetest.Run(t, func(t *testing.T) sourcetest.Bundle { return bundleOf(setup(t)) })
}

// bundleOf is what the suite needs of a bundle.
func bundleOf(b bundle) sourcetest.Bundle {
	limited := func(t *testing.T, maxFetchBytes int) source.Source {
		return openWith(t, b.url, source.Options{Alias: alias, MaxFetchBytes: maxFetchBytes})
	}
	return sourcetest.Bundle{
		Source: b.source, Limited: limited, Alias: alias, Exec: b.exec,
		Quote: quote, Configured: configured, Type: sqlType, Literal: literal, Unfit: "real",
		Unreachable: func(t *testing.T) source.Source {
			return open(t, "postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
		},
		Broken: func(t *testing.T, table string) {
			t.Helper()
			b.exec(t, `CREATE TABLE raw (id bigint PRIMARY KEY, n text);
				INSERT INTO raw SELECT i, i::text FROM generate_series(1, 9) AS i;
				UPDATE raw SET n = 'secret' WHERE id = 5; CREATE VIEW `+quote(table)+` AS SELECT id, n::int FROM raw`)
		},
	}
}

const alias = "shop"

// bundle is a source on a fresh database, and a connection that may write there.
type bundle struct {
	url    string
	source source.Source
	conn   *pgx.Conn
}

func setup(t testing.TB) bundle {
	t.Helper()
	return at(t, testenv.Postgres(t))
}

// at is setup in the database of a URL.
func at(t testing.TB, url string) bundle {
	t.Helper()
	return bundle{url, open(t, url), connect(t, url)}
}

func open(t testing.TB, url string) source.Source {
	t.Helper()
	return openWith(t, url, source.Options{Alias: alias})
}

func openWith(t testing.TB, url string, opts source.Options) source.Source {
	t.Helper()
	s, err := postgres.Open(url, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(background(t)) })
	return conn
}

// exec runs statements by the simple protocol, which takes several at once.
func (b bundle) exec(t *testing.T, statements string) {
	t.Helper()
	if _, err := b.conn.PgConn().Exec(t.Context(), statements).ReadAll(); err != nil {
		t.Fatalf("exec %.200s: %v", statements, err)
	}
}

// background is a context for what a test does after its own has ended.
func background(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// edited returns a URL with something changed.
func edited(t testing.TB, address string, edit func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the URL of the test's server can't be read") // the error would show its password
	}
	edit(u)
	return u.String()
}

// withParameter returns a URL with a parameter more.
func withParameter(t testing.TB, address, name, value string) string {
	t.Helper()
	return edited(t, address, func(u *url.URL) {
		query := u.Query()
		query.Set(name, value)
		u.RawQuery = query.Encode()
	})
}

func (b bundle) describe(t testing.TB, table string, primaryKey ...string) rowset.Table {
	t.Helper()
	described, err := b.source.Describe(t.Context(), table, primaryKey)
	if err != nil {
		t.Fatalf("describe %s: %v", table, err)
	}
	return described
}

func keysOf(t testing.TB, table rowset.Table, pks ...chferry.PrimaryKey) []rowset.Vector {
	t.Helper()
	keys := make([]rowset.Vector, len(table.PrimaryKey))
	for i, typ := range table.KeyTypes() {
		keys[i].Type = typ
	}
	for _, pk := range pks {
		if err := rowset.AppendPrimaryKey(keys, pk); err != nil {
			t.Fatalf("read key %q: %v", pk, err)
		}
	}
	return keys
}

// fetchErr describes nothing anew: it fetches the row of key 1 and returns the error.
func (b bundle) fetchErr(t *testing.T, table rowset.Table) error {
	t.Helper()
	_, err := b.source.Fetch(t.Context(), table, keysOf(t, table, chferry.PrimaryKey{"1"}))
	return err
}

func wantCode(t *testing.T, err error, want chferry.Code, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %s", want)
	}
	if got := chferry.CodeOf(err); got != want {
		t.Errorf("got code %s (%v), want %s", got, err, want)
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// configured quotes what would be read otherwise: a dot, and a quote at the beginning.
func configured(name string) string {
	if strings.Contains(name, ".") || strings.HasPrefix(name, `"`) {
		return quote(name)
	}
	return name
}

var sqlTypes = map[rowset.TypeKind]string{
	rowset.Bool: "boolean", rowset.Int16: "smallint", rowset.Int32: "integer", rowset.Int64: "bigint",
	rowset.Float32: "real", rowset.Float64: "double precision", rowset.String: "text", rowset.Bytes: "bytea",
	rowset.UUID: "uuid", rowset.Date: "date", rowset.Timestamp: "timestamptz",
}

func sqlType(t rowset.Type) string {
	if t.Kind == rowset.Decimal {
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	}
	return sqlTypes[t.Kind]
}

func literal(t rowset.Type, text string) string {
	switch t.Kind {
	case rowset.Bytes:
		text = `\x` + hex.EncodeToString([]byte(text))
	case rowset.Timestamp:
		text += "+00"
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'::" + sqlType(t)
}
