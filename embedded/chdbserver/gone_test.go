package chdbserver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// TestClientThatGoesAway gives up statements of each kind, and wants them ended.
func TestClientThatGoesAway(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE gone (n UInt64) ENGINE = MergeTree ORDER BY n")
	for name, run := range map[string]func(context.Context) error{
		"without an answer yet": func(ctx context.Context) error {
			return s.conn.Exec(ctx,
				"SELECT 'gone', sum(sleepEachRow(0.1)) FROM numbers(6000) SETTINGS max_block_size = 1")
		},
		"in the middle of its answer": func(ctx context.Context) error {
			rows, err := s.conn.Query(ctx, "SELECT 'gone', number FROM numbers(1e12)")
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
			}
			return rows.Err()
		},
		"that writes": func(ctx context.Context) error {
			return s.conn.Exec(ctx,
				"INSERT INTO gone SELECT number + sleepEachRow(0.1) FROM numbers(6000) SETTINGS max_block_size = 1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error, 1)
			go func() { failed <- run(ctx) }()
			eventually(t, "the statement runs", func() bool { return s.running(t, "%gone%") == "1" })
			cancel()
			if err := <-failed; err == nil {
				t.Error("the statement ended well")
			}
			eventually(t, "the statement has ended", func() bool { return s.running(t, "%gone%") == "0" })
		})
	}
}

// TestKillByID kills a statement by the ID that its client gave it.
func TestKillByID(t *testing.T) {
	t.Parallel()
	s := start(t)
	failed := make(chan error, 1)
	go func() {
		ctx := clickhouse.Context(t.Context(), clickhouse.WithQueryID("mine"))
		failed <- s.conn.Exec(ctx, "SELECT sum(sleepEachRow(0.1)) FROM numbers(6000) SETTINGS max_block_size = 1")
	}()
	eventually(t, "the statement runs", func() bool { return s.running(t, "%sleepEachRow%") == "1" })
	s.exec(t, "KILL QUERY WHERE Settings['log_comment'] LIKE 'mine %' SYNC")
	wantCode(t, <-failed, 394)
}

// TestClientThatStopsSending gives up an INSERT in the middle of its data.
func TestClientThatStopsSending(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE halves (n UInt64) ENGINE = MergeTree ORDER BY n")
	u, err := url.Parse(s.URL)
	check(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		"http://"+u.Host+"/?query=INSERT+INTO+halves+FORMAT+TSV", reader)
	check(t, err)
	password, _ := u.User.Password()
	request.SetBasicAuth("default", password)
	done := make(chan error, 1)
	go func() {
		transport := &http.Transport{DisableKeepAlives: true}
		response, err := transport.RoundTrip(request)
		if err == nil {
			_ = response.Body.Close()
		}
		done <- err
	}()
	_, err = writer.Write([]byte("1\n2\n3\n"))
	check(t, err)
	eventually(t, "the INSERT runs", func() bool { return s.running(t, "INSERT INTO halves%") == "1" })
	_ = writer.CloseWithError(errors.New("enough"))
	if err := <-done; err == nil {
		t.Error("the INSERT was answered")
	}
	eventually(t, "the INSERT has ended", func() bool { return s.running(t, "INSERT INTO halves%") == "0" })
	if got := s.one(t, "SELECT toString(count()) FROM halves"); got != "0" {
		t.Errorf("%s rows of half an INSERT are there", got)
	}
}
