package main_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

// hurtfulPasswords have the characters that mean something in a URL, or in a file of YAML, between
// two words that nothing may show.
func hurtfulPasswords() []string {
	var list []string
	for _, c := range []string{
		"@", "/", "#", "?", "%", "%41", ":", "[", "]", " ", "&", "=", "+", "\\", "\"", "'", "{",
		"$", "${PW}", "é", "@/?#[]:% ", "\n",
	} {
		list = append(list, "54321"+c+"hunter2")
	}
	return list
}

// wantNoPassword looks for parts of a password.
func wantNoPassword(t *testing.T, printed string) {
	t.Helper()
	for _, part := range []string{"54321", "hunter2"} {
		if i := strings.Index(printed, part); i >= 0 {
			t.Errorf("a part of a password is shown: %s", printed[max(0, i-200):min(len(printed), i+200)])
		}
	}
}

// checkWith runs check with a password in the environment.
func (s *stack) checkWith(password string) (status int, printed string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := s.command("check", "--log-level", "debug")
	cmd.Env = append(cmd.Env, "PW="+password, "POSTGRES_URL=postgres://u:"+password+"@127.0.0.1:1/shop")
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestHurtfulPasswords: each of them works for every server when it comes from a variable, and nothing shows it.
func TestHurtfulPasswords(t *testing.T) {
	t.Parallel()
	passwords := hurtfulPasswords()
	postgres, redis, clickHouse := postgresUsers(t, passwords), redisUsers(t, passwords), clickHouseUsers(t, passwords)
	s := setup(t, oneImport)
	text := s.config()
	for i, password := range passwords {
		s.write("chferry.yaml", text)
		s.substitute(`default: \{url: "([^"]+)`, fmt.Sprintf("postgres://u%d:${PW}@%s/postgres", i, postgres))
		s.substitute(`redis: \{url: "([^"]+)`, fmt.Sprintf("redis://u%d:${PW}@%s/0", i, redis))
		s.substitute(`clickhouse: \{url: "([^"]+)`, fmt.Sprintf("clickhouse://u%d:${PW}@%s/default", i, clickHouse))
		status, printed := s.checkWith(password)
		if wantNoPassword(t, printed); status != 0 || strings.Contains(printed, "FAIL") {
			t.Errorf("password %q: status %d\n%s", password, status, printed)
		}
	}
}

// TestPasswordsOfServersThatAreNotThere: neither a server that does not answer nor a URL that can't
// be read shows a part of its password, whether it comes from a variable, with the whole URL, or
// stands in the file.
func TestPasswordsOfServersThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	text := s.config()
	for _, password := range hurtfulPasswords() {
		written := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "${", "$${").Replace(password)
		for _, in := range []string{"${PW}", written} {
			s.write("chferry.yaml", text)
			for pattern, with := range map[string]string{
				`default: \{url: "([^"]+)`:    "postgres://u:PW@127.0.0.1:1/shop",
				`redis: \{url: "([^"]+)`:      "redis://u:PW@127.0.0.1:1/0",
				`clickhouse: \{url: "([^"]+)`: "clickhouse://u:PW@127.0.0.1:1/default",
			} {
				s.substitute(pattern, strings.ReplaceAll(with, "PW", in))
			}
			status, printed := s.checkWith(password)
			if wantNoPassword(t, printed); status != 1 && (status != 2 || in == "${PW}") {
				t.Errorf("password %q: status %d\n%s", password, status, printed)
			}
			if in == "${PW}" && strings.Count(printed, "127.0.0.1:1") < 3 {
				t.Errorf("password %q: not every server is named:\n%s", password, printed)
			}
		}
		s.write("chferry.yaml", text)
		s.substitute(`default: \{url: "([^"]+)`, "${POSTGRES_URL}")
		_, printed := s.checkWith(password)
		wantNoPassword(t, printed)
	}
}

// postgresUsers is a PostgreSQL of its own, with a table users and the users u0, u1 and so on.
func postgresUsers(t *testing.T, passwords []string) (address string) {
	t.Helper()
	server := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	conn, err := pgx.Connect(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	statements := []string{`CREATE TABLE users (id bigint PRIMARY KEY)`}
	for i, password := range passwords {
		statements = append(statements,
			fmt.Sprintf("CREATE ROLE u%d SUPERUSER LOGIN PASSWORD '%s'", i, strings.ReplaceAll(password, "'", "''")))
	}
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	rules := "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(server.Dir, "data", "pg_hba.conf"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	return server.Addr
}

// redisUsers is a Redis of its own with such users.
func redisUsers(t *testing.T, passwords []string) (address string) {
	t.Helper()
	server := testenv.Private(t, embedded.StartRedis, embedded.Options{NoSync: true})
	c := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer func() { _ = c.Close() }()
	for i, password := range passwords {
		if err := c.Do(t.Context(), "ACL", "SETUSER", fmt.Sprintf("u%d", i), "on", ">"+password, "~*", "&*",
			"+@all").Err(); err != nil {
			t.Fatal(err)
		}
	}
	return server.Addr
}

// clickHouseUsers is a ClickHouse of its own with such users.
func clickHouseUsers(t *testing.T, passwords []string) (address string) {
	t.Helper()
	var users strings.Builder
	user := func(name, password string) {
		fmt.Fprintf(&users, "<%s><password_sha256_hex>%x</password_sha256_hex><networks><ip>127.0.0.1</ip></networks>"+
			"<profile>default</profile><quota>default</quota></%[1]s>\n", name, sha256.Sum256([]byte(password)))
	}
	user("default", "")
	for i, password := range passwords {
		user(fmt.Sprintf("u%d", i), password)
	}
	path := filepath.Join(t.TempDir(), "users.xml")
	text := "<yandex><profiles><default><poll_interval>1</poll_interval></default></profiles>" +
		"<quotas><default></default></quotas><users>" + users.String() + "</users></yandex>"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return testenv.Private(t, embedded.StartClickHouse,
		embedded.Options{NoSync: true, Args: []string{"--", "--users_config=" + path}}).Addr
}
