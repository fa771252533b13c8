package clickhouse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

// TestStreamOfManyBlocks: the server makes one part of the blocks.
func TestStreamOfManyBlocks(t *testing.T) { onServers(t, testStreamOfManyBlocks) }

func testStreamOfManyBlocks(t *testing.T, s *server) {
	d := destination("streamed", []string{"id"}, column("id", int64Type))
	s.create(t, d)
	stream, err := s.Stream(t.Context(), d, d.Columns)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Abort()
	const blocks, rows = 5, 30_000
	full := false
	for n := range blocks {
		block := rowsOf(d, rows, 1, func(int, []rowset.Vector) {})
		for row := range rows {
			block.Vectors[0].Ints[row] += int64(n * rows)
		}
		_, full, err = stream.Append(block)
		if err != nil {
			t.Fatal(err)
		}
	}
	if over := strings.HasPrefix(s.url, "http"); full != over {
		t.Errorf("the stream is full: %t", full)
	}
	if err := stream.Finish(); err != nil {
		t.Fatal(err)
	}
	got := s.value(t, `SELECT concat(toString(sum(rows)), ' in ', toString(count())) FROM system.parts
		WHERE active AND database = '`+s.database+`' AND table = 'streamed'`)
	if got != "150000 in 1" {
		t.Errorf("the table has %s parts", got)
	}
}

// TestSilentStream has a server that falls silent in mid-stream: every call ends with its timeout, or with Close.
func TestSilentStream(t *testing.T) { onServers(t, testSilentStream) }

func testSilentStream(t *testing.T, s *server) {
	p := testenv.NewProxy(t, s.url)
	const timeout, seconds = 500 * time.Millisecond, 5 * time.Second
	d := destination("silent_stream", []string{"id"}, column("id", int64Type), column("word", stringType))
	s.create(t, d)
	for name, limit := range map[string]time.Duration{"timeout": timeout, "close": 0} {
		p.Silence(false)
		c := openClient(t, p.URL, clickhouse.Options{Timeout: timeout, InsertTimeout: limit})
		stream, err := c.Stream(t.Context(), d, d.Columns)
		if err != nil {
			t.Fatal(err)
		}
		p.Silence(true)
		ended := make(chan error, 1)
		go func() { ended <- fill(stream, words(d, 1, string(make([]byte, 1<<20)))) }()
		if limit == 0 {
			time.Sleep(timeout)
			c.Close()
		}
		select {
		case err := <-ended:
			if chferry.CodeOf(err) != chferry.CodeUnavailable {
				t.Errorf("%s: got %v", name, err)
			}
		case <-time.After(seconds):
			t.Errorf("%s: the stream goes on", name)
		}
		stream.Abort()
	}
}

// fill appends a block until the stream ends, which is more than any buffer on the way takes.
func fill(stream sink.Stream, block rowset.Block) error {
	for {
		if _, full, err := stream.Append(block); err != nil {
			return err
		} else if full {
			return stream.Finish()
		}
	}
}
