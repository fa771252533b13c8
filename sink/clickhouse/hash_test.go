package clickhouse_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

// readers are the ways in which hashes come about: on the server, or here.
func (s *server) readers() map[string]sink.Reader {
	return map[string]sink.Reader{"as usual": s.Client, "here": clickhouse.Here{Client: s.Client}}
}

// TestHashEdges: rows at the edges of every type and cast have the hashes that they are read back with.
func TestHashEdges(t *testing.T) { onServers(t, testHashEdges) }

func testHashEdges(t *testing.T, s *server) {
	hashed := 0
	for i, e := range allEdges {
		name := e.of.Kind.String() + " to " + e.to
		d := e.destination("edges" + strconv.Itoa(i))
		if _, err := s.Missing(t.Context(), d); chferry.CodeOf(err) == chferry.CodeConfiguration && e.to != "" {
			continue // an old server does not have the type
		}
		s.create(t, d)
		sel := sink.Selection{Destination: d, Key: d.Key}
		for _, c := range d.Columns[:len(d.Columns)-2] {
			sel.Hashed = append(sel.Hashed, c.Destination)
		}
		block := e.block(t, d)
		expected, err := s.Hash(t.Context(), sel, block)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rejected, err := s.Insert(t.Context(), d, block, "")
		if err != nil || !slices.Equal(rejected, expected.Rejected) {
			t.Errorf("%s: an insert rejected %v, %v, want %v", name, rejected, err, expected.Rejected)
		}
		for way, reader := range s.readers() {
			page, err := reader.Page(t.Context(), sel, sink.Range{}, 100)
			if err != nil || !slices.Equal(page.Hashes, expected.Hashes) {
				t.Errorf("%s, hashed %s: got %x, %v, want %x", name, way, page.Hashes, err, expected.Hashes)
			}
		}
		hashed += len(expected.Hashes)
	}
	if hashed < 100 {
		t.Errorf("only %d rows were compared", hashed)
	}
}

// TestReadingIsCancelled: a caller that gives up waits for no row, however hashes come about, and the
// next call finds a connection that works.
func TestReadingIsCancelled(t *testing.T) { onServers(t, testReadingIsCancelled) }

func testReadingIsCancelled(t *testing.T, s *server) {
	d := items()
	s.create(t, d)
	s.insertItem(t, d, 1, "a", 1)
	sel := sink.Selection{Destination: d, Key: d.Key, Hashed: []string{"id", "name"}}
	p := testenv.NewProxy(t, s.url)
	s.Client = openClient(t, p.URL, clickhouse.Options{})
	for way, reader := range s.readers() {
		held := p.HoldAnswer(func(piece []byte) bool { return bytes.Contains(piece, []byte("(chferry) range")) })
		ctx, cancel := context.WithCancel(t.Context())
		read := make(chan error, 1)
		go func() { _, err := reader.Sums(ctx, sel, []sink.Range{{}}); read <- err }()
		held.Wait()
		cancel()
		if err := <-read; chferry.CodeOf(err) != chferry.CodeUnavailable {
			t.Errorf("hashed %s: got %v, want it unavailable", way, err)
		}
		if got, err := reader.Sums(t.Context(), sel, []sink.Range{{}}); err != nil || got[0].Rows != 1 {
			t.Errorf("hashed %s: got %v, %v afterwards", way, got, err)
		}
	}
}

// wideBlock is rows as [server.wideTable] has them.
func wideBlock(sel sink.Selection, rows int) rowset.Block {
	b := rowset.NewBlock(sel.Columns[:len(sel.Hashed)])
	for n := range rows {
		v := b.Vectors
		v[0].AppendInt(int64(n))
		v[1].AppendData(fmt.Appendf(nil, "%032x", n))
		v[2].AppendData(fmt.Appendf(nil, "user %d", n))
		v[3].AppendInt(int64(n % 1000))
		v[4].AppendFloat(float64(n) * 1.5)
		v[5].AppendData(fmt.Appendf(nil, "%d.%02d", n/100, n%100))
		v[6].AppendInt(1_704_067_200_000_000 + int64(n)*1_000_000)
		v[7].AppendInt(int64(n % 2))
		v[8].AppendInt(int64(10957 + n%10_000))
		if n%4 == 0 {
			v[9].AppendNull()
		} else {
			v[9].AppendData(fmt.Appendf(nil, "note %d", n))
		}
	}
	return b
}

// BenchmarkHash hashes blocks of 25,000 rows of ten columns.
func BenchmarkHash(b *testing.B) {
	const rows = 25_000
	s := open(b, testenv.ModernClickHouse)
	sel := s.wideTable(b, 1)
	block := wideBlock(sel, rows)
	b.ReportAllocs()
	for b.Loop() {
		if got, err := s.Hash(b.Context(), sel, block); err != nil || len(got.Hashes) != rows {
			b.Fatalf("got %d hashes, %v", len(got.Hashes), err)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkReadHere reads and hashes rows of ten columns of a server that can't hash them.
func BenchmarkReadHere(b *testing.B) {
	const rows = 200_000
	s := open(b, testenv.ModernClickHouse)
	sel := s.wideTable(b, rows)
	for b.Loop() {
		got, err := clickhouse.Here{Client: s.Client}.Sums(b.Context(), sel, []sink.Range{{}})
		if err != nil || got[0].Rows != rows {
			b.Fatalf("got %v, %v", got, err)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}
