package testenv_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestRedisAnswers(t *testing.T) {
	t.Parallel()
	pingRedis(t, testenv.Redis(t))
}

func TestRedisClusterHasThreeNodes(t *testing.T) {
	t.Parallel()
	addrs := strings.Split(strings.TrimPrefix(testenv.RedisCluster(t), "redis://"), ",")
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	defer func() { _ = c.Close() }()
	for i := range 100 {
		check(t, c.Set(t.Context(), strconv.Itoa(i), "x", 0).Err())
	}
	var nodes, keys atomic.Int64
	check(t, c.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error {
		n, err := node.DBSize(ctx).Result()
		nodes.Add(1)
		keys.Add(n)
		return err
	}))
	if nodes.Load() != 3 || keys.Load() != 100 {
		t.Errorf("%d nodes have %d keys, want 3 and 100", nodes.Load(), keys.Load())
	}
}

func TestPostgresDatabasesAreFreshAndApart(t *testing.T) {
	t.Parallel()
	first, second := testenv.Postgres(t), testenv.Postgres(t)
	for _, url := range []string{first, second} {
		conn, err := pgx.Connect(t.Context(), url)
		check(t, err)
		defer func() { _ = conn.Close(context.Background()) }()
		_, err = conn.Exec(t.Context(), "CREATE TABLE only_once (id int)")
		check(t, err)
	}
}

func TestClickHouseDatabasesAreFreshAndApart(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		testenv.ClickHouse(t), testenv.ClickHouse(t), testenv.ModernClickHouse(t), testenv.ModernClickHouse(t),
	} {
		options, err := clickhouse.ParseDSN(url)
		check(t, err)
		conn, err := clickhouse.Open(options)
		check(t, err)
		defer func() { _ = conn.Close() }()
		check(t, conn.Exec(t.Context(), "CREATE TABLE only_once (id Int32) ENGINE = Log"))
	}
}

func TestTemporalAnswers(t *testing.T) {
	t.Parallel()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: testenv.Temporal(t)})
	check(t, err)
	defer c.Close()
	_, err = c.CheckHealth(t.Context(), &client.CheckHealthRequest{})
	check(t, err)
}

func TestPrivateServerCanBeKilled(t *testing.T) {
	t.Parallel()
	server := testenv.Private(t, embedded.StartRedis, embedded.Options{})
	if server.URL == testenv.Redis(t) {
		t.Fatal("the private server is the shared one")
	}
	check(t, server.Kill())
	check(t, server.Restart(t.Context()))
	pingRedis(t, server.URL)
}

func TestEnvironmentNamesTheServer(t *testing.T) {
	const want = "redis://redis.example:6379/0"
	t.Setenv("CHFERRY_TEST_REDIS", want)
	if got := testenv.Redis(t); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMissingServerFails runs this test binary again, on a machine that looks as if it had no redis-server.
func TestMissingServerFails(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRedisAnswers$", "-test.v")
	cmd.Env = []string{"PATH=" + t.TempDir()}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err == nil {
		t.Error("the test passed without a server")
	}
	for _, want := range []string{"--- FAIL: TestRedisAnswers", "redis-server", "CHFERRY_TEST_REDIS"} {
		if !strings.Contains(output.String(), want) {
			t.Errorf("output lacks %q:\n%s", want, &output)
		}
	}
}

func pingRedis(t *testing.T, url string) {
	t.Helper()
	options, err := redis.ParseURL(url)
	check(t, err)
	c := redis.NewClient(options)
	defer func() { _ = c.Close() }()
	check(t, c.Ping(t.Context()).Err())
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
