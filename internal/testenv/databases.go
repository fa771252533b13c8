package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5"
)

// Postgres gives the URL of a fresh, empty database, which is dropped when the test ends. Its user is the server's
// superuser.
func Postgres(t testing.TB) string {
	t.Helper()
	server := postgresServer.url(t)
	name := freshName()
	run := func(statement string) error { return execPostgres(server, statement) }
	if err := run("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database in the PostgreSQL for tests: %v", err)
	}
	t.Cleanup(func() {
		// By force, because a killed process under test may have left its connection open.
		if err := run("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(t, server, name)
}

// ClickHouse gives the URL of a fresh, empty database, which is dropped when the test ends:
// clickhouse://user:password@host:port/database.
func ClickHouse(t testing.TB) string {
	t.Helper()
	return clickHouseDatabase(t, clickHouseServer)
}

// ModernClickHouse does the same on a ClickHouse of 23.2 or newer. Where none is installed it is a library, which is
// downloaded once, behind a server of ours that speaks HTTP: http://user:password@host:port/database.
func ModernClickHouse(t testing.TB) string {
	t.Helper()
	return clickHouseDatabase(t, modernServer)
}

func clickHouseDatabase(t testing.TB, shared *shared) string {
	t.Helper()
	server := shared.url(t)
	name := freshName()
	run := func(statement string) error { return execClickHouse(server, statement) }
	if err := run("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database in the ClickHouse for tests: %v", err)
	}
	t.Cleanup(func() {
		if err := run("DROP DATABASE " + name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(t, server, name)
}

// freshName needs no quotes, and differs between the test binaries that share a server.
func freshName() string { return "test_" + strings.ToLower(rand.Text()) }

func withDatabase(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("the URL of the test's server can't be read") // the error would show the URL, and its password
	}
	u.Path = "/" + name
	return u.String()
}

// The statements run on contexts of their own: a test's context has ended when it cleans up.

func execPostgres(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

func execClickHouse(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	options, err := clickhouse.ParseDSN(server)
	if err != nil {
		return fmt.Errorf("read its URL: %w", err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close() }()
	return conn.Exec(ctx, statement)
}
