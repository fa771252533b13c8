package postgres_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/source/postgres"
)

func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://app:s3cret@host:port/shop", "postgres://app:s3cret@[::1/shop", "postgres://app:s3%cret@host/shop",
		"postgres://app:s3/cret@host/shop", "postgres://app:s3cret@host/shop?sslmode=sometimes",
		"postgres://app:s3cret@host/shop?sslrootcert=/nowhere/s3cret.pem", "mysql://app:s3cret@host/shop",
		"postgres://app:s3cret@host/shop?statement_timeout=soon",
		"postgres://app:s3cret@host/shop?statement_timeout=-5",
	} {
		_, err := postgres.Open(url, source.Options{Alias: alias})
		if got, want := chferry.CodeOf(err), chferry.CodeConfiguration; err == nil || got != want {
			t.Errorf("%s: got code %s (%v), want %s", url, got, err, want)
			continue
		}
		hidesPassword(t, url, err)
		_, err = postgres.Open("postgres://host/shop", source.Options{Alias: alias, Primary: url})
		wantCode(t, err, chferry.CodeConfiguration, alias, "standby_of")
		hidesPassword(t, url, err)
	}
}

func hidesPassword(t *testing.T, url string, err error) {
	t.Helper()
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		if strings.Contains(cause.Error(), "cret") {
			t.Errorf("%s: error %q shows the password", url, cause)
		}
	}
}

// TestUnreachable covers servers that are not there, in the ways in which they can be.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	refusing := listen(t)
	_ = refusing.Close()
	silent := listen(t)
	for name, test := range map[string]struct{ address, query, want string }{
		"refused":      {refusing.Addr().String(), "", "connection refused"},
		"unknown host": {"nowhere.invalid:5432", "", "name is unknown"},
		"silent":       {silent.Addr().String(), "?connect_timeout=1", "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			err := open(t, "postgres://app:s3cret@"+test.address+"/shop"+test.query).Check(t.Context())
			wantCode(t, err, chferry.CodeUnavailable, alias, test.address, test.want)
			if got := time.Since(started); got > 6*time.Second {
				t.Errorf("took %s, want at most about 5s", got)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q shows the password", err)
			}
		})
	}
}

// TestAddressesHidePasswords: of a URL only the host and port behind its last @ are shown.
func TestAddressesHidePasswords(t *testing.T) {
	t.Parallel()
	for _, userinfo := range []string{
		"app:x@hunter2", "app@hunter2:x", "app:[hunter2 ]", "app:a:hunter2", "hunter2@x:@y",
	} {
		err := open(t, "postgres://"+userinfo+"@127.0.0.1:1/shop").Check(t.Context())
		wantCode(t, err, chferry.CodeUnavailable, "answer at 127.0.0.1:1:")
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("error %q shows a part of %s", err, userinfo)
		}
	}
	for _, userinfo := range []string{
		"app:12/hunter2", "app:?hunter2", "app:#hunter2", "app:%hunter2", "app:12/x@hunter2",
	} {
		_, err := postgres.Open("postgres://"+userinfo+"@127.0.0.1:1/shop", source.Options{Alias: alias})
		wantCode(t, err, chferry.CodeConfiguration, alias)
		for cause := err; cause != nil; cause = errors.Unwrap(cause) {
			if strings.Contains(cause.Error(), "hunter2") || strings.Contains(cause.Error(), "12") {
				t.Errorf("error %q shows a part of %s", cause, userinfo)
			}
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	s := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	admin := at(t, s.URL)
	admin.exec(t, "CREATE ROLE app LOGIN PASSWORD 's3cret'; CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
	rules := "host all app 127.0.0.1/32 scram-sha-256\nhost all banned 127.0.0.1/32 reject\nhost all all " +
		"127.0.0.1/32 trust\n"
	if err := os.WriteFile(filepath.Join(s.Dir, "data", "pg_hba.conf"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	admin.exec(t, "SELECT pg_reload_conf()")
	for name, test := range map[string]struct {
		url, names string
		want       chferry.Code
	}{
		"right password": {url: "postgres://app:s3cret@" + s.Addr + "/postgres"},
		"wrong password": {"postgres://app:wr0ng@" + s.Addr + "/postgres", "password", chferry.CodeAccessDenied},
		"unknown role":   {"postgres://nobody:wr0ng@" + s.Addr + "/postgres", "user", chferry.CodeAccessDenied},
		"banned":         {"postgres://banned:wr0ng@" + s.Addr + "/postgres", "pg_hba.conf", chferry.CodeAccessDenied},
		"no database":    {"postgres://app:s3cret@" + s.Addr + "/nowhere", "no database", chferry.CodeConfiguration},
		"too many":       {"postgres://crowd@" + s.Addr + "/postgres", "max_connections", chferry.CodeUnavailable},
		"no TLS": {
			"postgres://app:s3cret@" + s.Addr + "/postgres?sslmode=require", "TLS",
			chferry.CodeConfiguration,
		},
	} {
		err := eventually(t, test.want == "", func() error { return open(t, test.url).Check(t.Context()) })
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		wantCode(t, err, test.want, alias, s.Addr, test.names)
		if strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %q shows the password", name, err)
		}
	}
}

// eventually repeats check until it succeeds as wanted, for the moment that a server takes to reload.
func eventually(t *testing.T, success bool, check func() error) error {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := check()
		if (err == nil) == success || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestStandbyIsRefused turns the server behind an open source into a standby.
func TestStandbyIsRefused(t *testing.T) {
	t.Parallel()
	s := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	b := at(t, s.URL)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1)")
	table := b.describe(t, "items")
	if err := b.fetchErr(t, table); err != nil {
		t.Fatalf("the primary: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "data", "standby.signal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "standby_of"
	err := eventuallyNot(t, chferry.CodeUnavailable, func() error { return b.source.Check(t.Context()) })
	wantCode(t, err, chferry.CodeConfiguration, alias, s.Addr, want)
	wantCode(t, b.fetchErr(t, table), chferry.CodeConfiguration, alias, want)
	_, err = b.source.Describe(t.Context(), "items", nil)
	wantCode(t, err, chferry.CodeConfiguration, alias, want)
	err = b.source.PrimaryKeys(t.Context(), table, 10, func([]chferry.PrimaryKey) error { return nil })
	wantCode(t, err, chferry.CodeConfiguration, alias, want)
}

// eventuallyNot repeats check while it gives the code, for a connection that a restart has broken.
func eventuallyNot(t *testing.T, code chferry.Code, check func() error) error {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := check()
		if chferry.CodeOf(err) != code || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestOtherDatabaseIsRefused replaces the database behind an open source by another of the same name.
func TestOtherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	admin := setup(t)
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id int PRIMARY KEY)")
	table := b.describe(t, "items")
	name := b.conn.Config().Database
	admin.exec(t, "DROP DATABASE "+quote(name)+" WITH (FORCE)")
	admin.exec(t, "CREATE DATABASE "+quote(name))
	again := connect(t, b.url)
	if _, err := again.Exec(t.Context(), "CREATE TABLE items (id int PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}

	err := eventuallyNot(t, chferry.CodeUnavailable, func() error { return b.source.Check(t.Context()) })
	wantCode(t, err, chferry.CodeSourceChanged, alias)
	wantCode(t, b.fetchErr(t, table), chferry.CodeSourceChanged, alias)
	if got := at(t, b.url).describe(t, "items").Identity; got == table.Identity {
		t.Errorf("two databases of one name have the identity %s", got)
	}
}

// TestLostConnections makes sure that a source heals by itself.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.source.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "+
		"application_name = 'chferry'")
	if err := b.source.Check(t.Context()); err != nil {
		wantCode(t, err, chferry.CodeUnavailable, alias)
	}
	if err := b.source.Check(t.Context()); err != nil {
		t.Errorf("after the connection was lost: %v", err)
	}
}

// TestGoroutinesEnd does not run in parallel, so that the goroutines are its own.
func TestGoroutinesEnd(t *testing.T) { //nolint:paralleltest // counts goroutines
	b := setup(t)
	b.exec(t, "CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(30) IS NULL AS slept")
	table := b.describe(t, "slow", "id")
	before := goleak.IgnoreCurrent()
	s, err := postgres.Open(b.url, source.Options{Alias: alias})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.Fetch(ctx, table, keysOf(t, table, chferry.PrimaryKey{"1"})); !errors.Is(err,
		context.DeadlineExceeded) {
		t.Errorf("got %v, want an error that wraps context.DeadlineExceeded", err)
	}
	s.Close()
	goleak.VerifyNone(t, before)
}
