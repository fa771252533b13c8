package clickhouse_test

import (
	"fmt"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/shopspring/decimal"

	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
	"github.com/chferry/chferry/sink/sinktest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestContract(t *testing.T) {
	t.Parallel()
	for name, database := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sinktest.Run(t, func(t *testing.T) sinktest.Bundle {
				s := open(t, database)
				return s.bundle(s.Client)
			})
		})
	}
}

// TestReaderHere: rows that are hashed here have the hashes that a server gives them.
func TestReaderHere(t *testing.T) {
	t.Parallel()
	sinktest.RunReader(t, func(t *testing.T) sinktest.Bundle {
		s := open(t, testenv.ModernClickHouse)
		return s.bundle(clickhouse.Here{Client: s.Client})
	})
}

func (s *server) bundle(of sink.Sink) sinktest.Bundle {
	return sinktest.Bundle{Sink: of, Current: s.current, Unreachable: func(t *testing.T) sink.Sink {
		return openClient(t, "clickhouse://127.0.0.1:"+strconv.Itoa(freePort(t)), clickhouse.Options{})
	}}
}

// servers are where every test of a server runs: the one that is installed, which may be as old as
// 18.16 and is spoken to over the native protocol, and one of today, over HTTP unless that is what
// is installed. Each makes an empty database.
var servers = map[string]func(testing.TB) string{"installed": testenv.ClickHouse, "modern": testenv.ModernClickHouse}

// onServers runs a test on each server.
func onServers(t *testing.T, test func(t *testing.T, s *server)) {
	t.Parallel()
	for name, database := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, database))
		})
	}
}

// server is a client on an empty database of its own, and a plain connection beside it.
type server struct {
	*clickhouse.Client
	url      string
	database string
	conn     ch.Conn
}

func open(t testing.TB, database func(testing.TB) string) *server {
	t.Helper()
	address := database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &server{
		Client: openClient(t, address, clickhouse.Options{}), conn: openConn(t, address),
		url: address, database: strings.TrimPrefix(u.Path, "/"),
	}
}

func openConn(t testing.TB, address string) ch.Conn {
	t.Helper()
	parsed, err := ch.ParseDSN(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ch.Open(parsed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func openClient(t testing.TB, url string, opts clickhouse.Options) *clickhouse.Client {
	t.Helper()
	c, err := clickhouse.Open(url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// exec runs statements as they are.
func (s *server) exec(t testing.TB, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if err := s.conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// value returns the only value of a query's result as text.
func (s *server) value(t testing.TB, sql string) string {
	t.Helper()
	rows := s.rows(t, sql, []rowset.TypeKind{rowset.String})
	if len(rows) != 1 || len(rows[0]) != 1 {
		t.Fatalf("%s: got %v, want one value", sql, rows)
	}
	return rows[0][0]
}

// current reads the view that belongs to a table.
func (s *server) current(t *testing.T, configured string, columns ...rowset.Column) [][]string {
	t.Helper()
	view, err := clickhouse.CurrentView(configured, s.database)
	if err != nil {
		t.Fatal(err)
	}
	kinds := make([]rowset.TypeKind, len(columns))
	for i, c := range columns {
		if kinds[i] = c.Type.Kind; c.Type.Kind == rowset.Array {
			kinds[i] = c.Type.Element
		}
	}
	rows := s.rows(t, "SELECT * FROM "+view, kinds)
	slices.SortFunc(rows, slices.Compare[[]string])
	return rows
}

func (s *server) rows(t testing.TB, sql string, kinds []rowset.TypeKind) [][]string {
	t.Helper()
	result, err := s.conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer func() { _ = result.Close() }()
	var rows [][]string
	for result.Next() {
		var targets []any
		for _, c := range result.ColumnTypes() {
			targets = append(targets, reflect.New(c.ScanType()).Interface())
		}
		if err := result.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		row := make([]string, len(targets))
		for i, target := range targets {
			row[i] = text(reflect.ValueOf(target).Elem(), kinds[i], result.ColumnTypes()[i].DatabaseTypeName())
		}
		rows = append(rows, row)
	}
	if err := result.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// text is the notation of the suite.
func text(v reflect.Value, kind rowset.TypeKind, columnType string) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "NULL"
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Slice && v.Type() != reflect.TypeFor[[]byte]() {
		return "[" + strings.Join(elements(v, kind, columnType), " ") + "]"
	}
	switch value := v.Interface().(type) {
	case time.Time:
		if kind == rowset.Date {
			return value.Format(time.DateOnly)
		}
		return value.UTC().Format("2006-01-02 15:04:05.999999")
	case decimal.Decimal:
		scale, err := strconv.Atoi(strings.Trim(columnType[strings.LastIndex(columnType, ",")+1:], " )"))
		if err != nil {
			panic(err)
		}
		return value.StringFixed(int32(scale))
	case uint8:
		if kind == rowset.Bool {
			return strconv.FormatBool(value != 0)
		}
	}
	return fmt.Sprint(v.Interface())
}

func elements(v reflect.Value, kind rowset.TypeKind, columnType string) []string {
	texts := make([]string, v.Len())
	for i := range texts {
		texts[i] = text(v.Index(i), kind, columnType)
		if kind == rowset.Timestamp && !strings.HasPrefix(texts[i], "[") {
			texts[i] = strings.ReplaceAll(texts[i], " ", "T")
		}
	}
	return texts
}

// freePort returns a port of 127.0.0.1 that nobody listens on.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
