package main

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"time"
)

// nativePipe names the pipe over the native protocol.
const nativePipe = "psql COPY to clickhouse-client INSERT"

// piped are rows of the ten columns that the databases' own tools copy.
type piped struct {
	from string // table, and what may stand behind it
	id   string // the type of the primary key in ClickHouse
	rows int
}

// firstRows are the first rows of the table wide.
func firstRows(n int) piped {
	return piped{from: fmt.Sprintf("wide WHERE id <= %d", n), id: "Int64", rows: n}
}

// pipe copies rows with the databases' own tools into the table piped_, followed by the type of the
// primary key, and returns rows a second and CPU seconds.
func (s *stack) pipe(ctx context.Context, of piped) (rate, processor float64, err error) {
	before, err := processorTime()
	if err != nil {
		return 0, 0, err
	}
	create := fmt.Sprintf(`CREATE TABLE IF NOT EXISTS piped_%[1]s (id %[1]s, hash String, name String, age Int32,
		score Float64, balance Decimal(12,2), created DateTime, active UInt8, born Date, note Nullable(String))
		ENGINE = MergeTree ORDER BY id`, of.id)
	began := time.Now()
	insert := fmt.Sprintf("INSERT INTO piped_%s FORMAT TabSeparated", of.id)
	query := fmt.Sprintf(`COPY (SELECT id, hash, name, age, score, balance, extract(epoch FROM created)::bigint,
		active::int, born, note FROM %s) TO STDOUT`, of.from)
	u, err := url.Parse(s.clickhouse.URL)
	if err != nil {
		return 0, 0, err
	}
	client := fmt.Sprintf("curl -sS --fail-with-body -T - '%s/?query=%s'", s.clickhouse.URL, url.QueryEscape(insert))
	createTable := fmt.Sprintf("curl -sS --fail-with-body --data-binary '%s' '%s'", create, s.clickhouse.URL)
	if u.Scheme == "clickhouse" {
		server := fmt.Sprintf("clickhouse-client --host %s --port %s --query ", u.Hostname(), u.Port())
		client, createTable = server+"'"+insert+"'", server+"'"+create+"'"
	}
	script := fmt.Sprintf("set -euo pipefail\n%s\npsql -qAt '%s' -c '%s' | %s", createTable, s.postgres.URL, query,
		client)
	if out, err := exec.CommandContext(ctx, "bash", "-c", script).CombinedOutput(); err != nil {
		return 0, 0, fmt.Errorf("copy with the databases' own tools (clickhouse-client, psql and curl must be "+
			"installed): %w: %.500s", err, out)
	}
	seconds := time.Since(began).Seconds()
	if err := s.settled(ctx); err != nil {
		return 0, 0, err
	}
	after, err := processorTime()
	_, processor = spent(before, after)
	return float64(of.rows) / seconds, processor, err
}
