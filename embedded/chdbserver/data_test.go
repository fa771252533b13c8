package chdbserver_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestCompression(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE packed (way String, n UInt32, text String) ENGINE = MergeTree ORDER BY (way, n)")
	const rows = 60_000
	for way, method := range map[string]clickhouse.CompressionMethod{
		"plain": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
		"gzip": clickhouse.CompressionGZIP,
	} {
		conn := connect(t, s.URL, func(o *clickhouse.Options) { o.Compression.Method = method })
		batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO packed (way, n, text)")
		check(t, err)
		for n := range rows {
			check(t, batch.Append(way, uint32(n), fmt.Sprintf("text %x", n*7919)))
		}
		check(t, batch.Send())
		got, err := conn.Query(t.Context(), "SELECT n, text FROM packed WHERE way = $1 ORDER BY n", way)
		check(t, err)
		n := 0
		for ; got.Next(); n++ {
			var number uint32
			var text string
			check(t, got.Scan(&number, &text))
			if want := fmt.Sprintf("text %x", n*7919); number != uint32(n) || text != want {
				t.Fatalf("%s: row %d is %d %q", way, n, number, text)
			}
		}
		if err := got.Err(); err != nil || n != rows {
			t.Errorf("%s: got %d rows, %v, want %d", way, n, err, rows)
		}
	}
}

// TestBigBlock inserts a block that the client sends as one frame of more than 128 MiB.
func TestBigBlock(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE big (n UInt32, text String) ENGINE = MergeTree ORDER BY n")
	batch, err := s.conn.PrepareBatch(t.Context(), "INSERT INTO big (n, text)")
	check(t, err)
	const rows, size = 140, 1_000_000
	for n := range rows {
		check(t, batch.Append(uint32(n), strings.Repeat(fmt.Sprint(n%10), size)))
	}
	check(t, batch.Send())
	got := s.one(t, "SELECT concat(toString(count()), ' ', toString(sum(length(text))), ' ', toString(countIf(text = "+
		"repeat(toString(n % 10), 1000000)))) FROM big")
	if want := fmt.Sprintf("%d %d %[1]d", rows, rows*size); got != want {
		t.Errorf("rows, bytes, right rows: got %s, want %s", got, want)
	}
	var back []byte
	check(t, s.conn.QueryRow(t.Context(), "SELECT arrayStringConcat(groupArray(text)) FROM big").Scan(&back))
	if len(back) != rows*size {
		t.Errorf("read %d bytes in one value, want %d", len(back), rows*size)
	}
}

// TestDamage sends data that are cut off or altered, and wants none of them inserted.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exec(t, "CREATE TABLE damaged (text String) ENGINE = MergeTree ORDER BY text")
	writer := compress.NewWriter(compress.LevelZero, compress.LZ4)
	check(t, writer.Compress([]byte(strings.Repeat("some text\n", 100))))
	whole := writer.Data
	altered, huge := bytes.Clone(whole), bytes.Clone(whole)
	altered[len(altered)-1] ^= 1
	huge[17], huge[18], huge[19], huge[20] = 0xff, 0xff, 0xff, 0xff
	for name, body := range map[string][]byte{
		"cut": whole[:len(whole)-5], "cut head": whole[:7], "altered": altered, "huge": huge,
	} {
		got := s.post(t, "decompress=1&query=INSERT+INTO+damaged+FORMAT+TSV", string(body))
		if got.status != http.StatusBadRequest || got.header.Get("X-ClickHouse-Exception-Code") != "33" {
			t.Errorf("%s: got %d %q", name, got.status, got.body)
		}
	}
	packed := func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }
	got := s.send(t, http.MethodPost, "query=INSERT+INTO+damaged+FORMAT+TSV", strings.NewReader("x"), packed)
	if got.status != http.StatusBadRequest {
		t.Errorf("no gzip: got %d %q", got.status, got.body)
	}
	if got := s.one(t, "SELECT toString(count()) FROM damaged"); got != "0" {
		t.Errorf("%s rows were inserted", got)
	}
	if got := s.post(t, "decompress=1&query=INSERT+INTO+damaged+FORMAT+TSV",
		string(whole)+string(whole)); got.status != http.StatusOK {
		t.Errorf("two whole frames: got %d %q", got.status, got.body)
	}
	if got := s.one(t, "SELECT toString(count()) FROM damaged"); got != "200" {
		t.Errorf("%s rows were inserted, want 200", got)
	}
}

func TestGzipBody(t *testing.T) {
	t.Parallel()
	s := start(t)
	var body bytes.Buffer
	zipped := gzip.NewWriter(&body)
	_, err := zipped.Write([]byte("SELECT 'zipped'"))
	check(t, errors.Join(err, zipped.Close()))
	got := s.send(t, http.MethodPost, "", &body, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") })
	if got.body != "zipped\n" {
		t.Errorf("got %+v", got)
	}
}
