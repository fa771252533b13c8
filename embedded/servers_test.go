package embedded_test

import (
	"context"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/chferry/chferry/embedded"
)

// kind is one of our servers with a way to leave something in it and find it again.
type kind struct {
	start func(context.Context, embedded.Options) (*embedded.Server, error)
	write func(t *testing.T, url string)
	read  func(t *testing.T, url string) string // "kept" is what was written
}

var kinds = map[string]kind{
	"redis":      {embedded.StartRedis, writeRedis, readRedis},
	"postgres":   {embedded.StartPostgres, writePostgres, readPostgres},
	"clickhouse": {embedded.StartClickHouse, writeClickHouse, readClickHouse},
	"chdb":       {embedded.StartChdb, writeClickHouse, readClickHouse},
	"temporal":   {embedded.StartTemporal, writeTemporal, readTemporal},
}

func openRedis(t *testing.T, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	check(t, err)
	c := redis.NewClient(options)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func writeRedis(t *testing.T, url string) {
	check(t, openRedis(t, url).Set(t.Context(), "key", "kept", 0).Err())
}

func readRedis(t *testing.T, url string) string {
	got, err := openRedis(t, url).Get(t.Context(), "key").Result()
	check(t, err)
	return got
}

func openPostgres(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func writePostgres(t *testing.T, url string) {
	_, err := openPostgres(t, url).Exec(t.Context(), "CREATE TABLE kept AS SELECT 'kept' AS word")
	check(t, err)
}

func readPostgres(t *testing.T, url string) (got string) {
	check(t, openPostgres(t, url).QueryRow(t.Context(), "SELECT word FROM kept").Scan(&got))
	return got
}

func openClickHouse(t *testing.T, url string) clickhouse.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(url)
	check(t, err)
	conn, err := clickhouse.Open(options)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func writeClickHouse(t *testing.T, url string) {
	conn := openClickHouse(t, url)
	check(t, conn.Exec(t.Context(), "CREATE TABLE kept (word String) ENGINE = MergeTree ORDER BY word"))
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO kept (word)")
	check(t, err)
	check(t, batch.Append("kept"))
	check(t, batch.Send())
}

func readClickHouse(t *testing.T, url string) (got string) {
	check(t, openClickHouse(t, url).QueryRow(t.Context(), "SELECT word FROM kept").Scan(&got))
	return got
}

func openTemporal(t *testing.T, url string) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: url, Logger: silent{}})
	check(t, err)
	t.Cleanup(c.Close)
	return c
}

// writeTemporal starts a workflow that no worker takes: what is kept is that it was started.
func writeTemporal(t *testing.T, url string) {
	_, err := openTemporal(t, url).ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: "kept", TaskQueue: "none"}, "None")
	check(t, err)
}

func readTemporal(t *testing.T, url string) string {
	got, err := openTemporal(t, url).DescribeWorkflowExecution(t.Context(), "kept", "")
	check(t, err)
	info := got.GetWorkflowExecutionInfo()
	if info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Errorf("status of the workflow: got %v, want running", info.GetStatus())
	}
	return info.GetExecution().GetWorkflowId()
}

// silent drops what the Temporal client has to say while its server is restarted.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

var _ log.Logger = silent{}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition that must come true on its own.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
	}
}
