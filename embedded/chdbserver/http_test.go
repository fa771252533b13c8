package chdbserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestPlainRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE plain (a Int32, b String) ENGINE = MergeTree ORDER BY a")
	query := url.QueryEscape
	for _, test := range []struct{ parameters, body, want string }{
		{"", "SELECT 1, 'x'", "1\tx\n"},
		{"query=SELECT", "2", "2\n"},
		{"query=" + query("SELECT 3"), "", "3\n"},
		{"default_format=CSV", "SELECT 1, 'x'", "1,\"x\"\n"},
		{"default_format=CSV", "SELECT 1, 'x' FORMAT TSV", "1\tx\n"},
		{"", " /* FORMAT */ -- SELECT\n(SELECT 1)", "1\n"},
		{"", "WITH 1 AS x SELECT x", "1\n"},
		{"", "SHOW TABLES", "plain\n"},
		{"", "EXISTS TABLE plain", "1\n"},
		{"param_x=" + query("it's"), "SELECT {x:String}", "it\\'s\n"},
		{"max_threads=3", "SELECT value FROM system.settings WHERE name = 'max_threads'", "3\n"},
		// No setting is left of the request before.
		{"", "SELECT value = '3' FROM system.settings WHERE name = 'max_threads'", "0\n"},
		{"query=" + query("INSERT INTO plain FORMAT CSV"), "1,one\n2,two\n", ""},
		{"query=" + query("insert into plain (a, b) values"), "(3, 'three')", ""},
		{"query=" + query("INSERT INTO plain SELECT 4, 'four'"), "", ""},
		{"", "INSERT INTO plain VALUES (5, 'five; six')", ""},
		{"", "INSERT INTO plain FORMAT TSV\n6\tsix\n", ""},
		{
			"", "SELECT a, b FROM plain ORDER BY a FORMAT CSV",
			"1,\"one\"\n2,\"two\"\n3,\"three\"\n4,\"four\"\n5,\"five; six\"\n6,\"six\"\n",
		},
		{"", "SELECT count() FROM numbers(10) WHERE 0", "0\n"},
		{"", "SELECT number FROM numbers(10) WHERE number > 20", ""},
		{"database=system", "SELECT currentDatabase()", "system\n"},
		{"", "CREATE TEMPORARY TABLE fleeting (a Int32)", ""},
		{"", "EXISTS TEMPORARY TABLE fleeting", "0\n"},
	} {
		got := s.post(t, test.parameters, test.body)
		if got.status != http.StatusOK || got.body != test.want {
			t.Errorf("%s %s: got %d %q, want %q", test.parameters, test.body, got.status, got.body, test.want)
		}
	}
	if got := s.send(t, http.MethodGet, "query=SELECT+1", nil, func(*http.Request) {}); got.body != "1\n" {
		t.Errorf("GET: got %+v", got)
	}
	if got := s.post(t, "query_id=mine", "SELECT 1"); got.header.Get("X-ClickHouse-Query-Id") != "mine" {
		t.Errorf("got the header %v, want the query's ID", got.header)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, test := range []struct {
		parameters, body string
		status           int
		code             string
	}{
		{"", "SELEC 1", 400, "62"},
		{"", "", 400, "62"},
		{"", "SELECT 1; SELECT 2", 400, "62"},
		{"", "SELECT * FROM absent", 404, "60"},
		{"", "INSERT INTO absent VALUES (1)", 404, "60"},
		{"query=INSERT+INTO+absent+FORMAT+CSV", strings.Repeat("1\n", 1<<20), 404, "60"},
		{"database=absent", "SELECT 1", 404, "81"},
		{"max_threadz=1", "SELECT 1", 404, "115"},
		{"readonly=1", "CREATE TABLE x (a Int32) ENGINE = Memory", 403, "164"},
		{"session_id=x", "SELECT 1", 501, "48"},
		{"client_protocol_version=x", "SELECT 1", 400, "36"},
		{"max_memory_usage=1000", "SELECT groupArray(number) FROM numbers(1000000)", 500, "241"},
	} {
		got := s.post(t, test.parameters, test.body)
		if got.status != test.status || got.header.Get("X-ClickHouse-Exception-Code") != test.code ||
			!strings.HasPrefix(got.body, "Code: "+test.code+". DB::Exception: ") ||
			!strings.Contains(got.body, "(version 26.") {
			t.Errorf("%s %.40s: got %d %.200q, want %d and code %s",
				test.parameters, test.body, got.status, got.body, test.status, test.code)
		}
	}
	for _, sql := range []string{
		"CREATE TABLE x (a Int32) ENGINE = Memory", "INSERT INTO x FORMAT CSV", "INSERT INTO x VALUES (1)",
	} {
		got := s.send(t, http.MethodGet, "query="+url.QueryEscape(sql), nil, func(*http.Request) {})
		if got.status != http.StatusForbidden || got.header.Get("X-ClickHouse-Exception-Code") != "164" {
			t.Errorf("GET that writes: got %+v", got)
		}
	}
	wantCode(t, s.conn.Exec(t.Context(), "SELECT * FROM absent"), 60)
}

// TestErrorBehindRows has a statement that fails when part of its answer is gone.
func TestErrorBehindRows(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, method := range map[string]clickhouse.CompressionMethod{
		"plain": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
		"gzip": clickhouse.CompressionGZIP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, s.URL, func(o *clickhouse.Options) { o.Compression.Method = method })
			rows, err := conn.Query(t.Context(), "SELECT number, throwIf(number = 5000000) FROM numbers(10000000)")
			check(t, err)
			defer func() { _ = rows.Close() }()
			n := 0
			for rows.Next() {
				n++
			}
			if n == 0 {
				t.Error("got no rows before the error")
			}
			wantCode(t, rows.Err(), 395)
		})
	}
}

// TestWholeDocuments has answers of many blocks in formats with a beginning and an end.
func TestWholeDocuments(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, body := range []string{
		"SELECT number FROM numbers(200000) FORMAT JSONCompact",
		"SELECT number FROM numbers(200000)",
	} {
		var got struct {
			Data [][]any
			Rows int
		}
		answer := s.post(t, "default_format=JSONCompact", body)
		if err := json.Unmarshal([]byte(answer.body), &got); err != nil || got.Rows != 200_000 ||
			len(got.Data) != 200_000 {
			t.Errorf("%s: %d rows, %d of them there, %v", body, got.Rows, len(got.Data), err)
		}
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	s := start(t)
	u, err := url.Parse(s.URL)
	check(t, err)
	password, _ := u.User.Password()
	basic := func(name, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(name, password) }
	}
	headers := func(name, password string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header = http.Header{"X-Clickhouse-User": {name}, "X-Clickhouse-Key": {password}}
		}
	}
	parameters := func(text string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = text
		}
	}
	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"basic":               {basic("default", password), 200},
		"headers":             {headers("default", password), 200},
		"parameters":          {parameters("user=default&password=" + password), 200},
		"no name":             {parameters("password=" + password), 200},
		"wrong password":      {basic("default", password[1:]), 403},
		"no password":         {basic("default", ""), 403},
		"other user":          {basic("admin", password), 403},
		"wrong in headers":    {headers("default", "x"), 403},
		"wrong in parameters": {parameters("user=default&password=x"), 403},
		"nothing":             {parameters(""), 403},
	} {
		got := s.send(t, http.MethodPost, "", strings.NewReader("SELECT 1"), test.change)
		if got.status != test.status || strings.Contains(got.body, password) {
			t.Errorf("%s: got %d %q, want %d", name, got.status, got.body, test.status)
		}
	}
	wantCode(t, connect(t, strings.Replace(s.URL, password, "wrong", 1)).Ping(t.Context()), 516)
	ping := s.send(t, http.MethodGet, "", nil, func(r *http.Request) { r.URL.Path, r.Header = "/ping", http.Header{} })
	if ping.body != "Ok.\n" {
		t.Errorf("ping: got %q", ping.body)
	}
}
