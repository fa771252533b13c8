package sinktest

import (
	"context"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// streamTests are those of a [sink.Streamer].
var streamTests = map[string]func(*testing.T, *suite){
	"Blocks":       testStreamBlocks,
	"Nothing":      testStreamNothing,
	"WithoutTable": testStreamWithoutTable,
	"Aborted":      testStreamAborted,
	"Cancelled":    testStreamCancelled,
}

func (s *suite) stream(t *testing.T, ctx context.Context, d sink.Destination) sink.Stream {
	t.Helper()
	stream, err := s.Sink.(sink.Streamer).Stream(ctx, d, d.Columns)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Abort)
	return stream
}

// testStreamBlocks has rows that replace earlier ones, of the stream and of before, and rows that are left out.
func testStreamBlocks(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "before", null}, []string{"9", "stays", null})
	stream := s.stream(t, t.Context(), d)
	for i, rows := range [][][]string{
		{{"1", "a", "1.00"}, {"2", "b", "NaN"}, {"3", "c", null}},
		{{"4", "d", "NaN"}},
		{},
		{{"3", "again", "3.00"}, {"5", "e", null}},
	} {
		rejected, full, err := stream.Append(block(t, d, uint64(2+i), rows...))
		if err != nil || full {
			t.Fatalf("block %d gives full %t, %v", i, full, err)
		}
		if want := []int{1, 1, 0, 0}[i]; len(rejected) != want || want == 1 && rejected[0].Row != len(rows)/2 {
			t.Fatalf("of block %d %v were left out", i, rejected)
		}
	}
	if err := stream.Finish(); err != nil {
		t.Fatal(err)
	}
	s.holds(t, d, []string{"1", "a", "1.00"}, []string{"3", "again", "3.00"}, []string{"5", "e", null},
		[]string{"9", "stays", null})
	s.insert(t, d, 9, []string{"9", "after", null}) // which the end of the stream does not disturb
}

func testStreamNothing(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	if err := s.stream(t, t.Context(), d).Finish(); err != nil {
		t.Fatal(err)
	}
	s.holds(t, d)
}

func testStreamWithoutTable(t *testing.T, s *suite) {
	d := users()
	_, err := s.Sink.(sink.Streamer).Stream(t.Context(), d, d.Columns)
	wantCode(t, err, chferry.CodeSchemaMismatch)
}

func testStreamAborted(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	stream := s.stream(t, t.Context(), d)
	if _, _, err := stream.Append(block(t, d, 1, []string{"1", "a", null})); err != nil {
		t.Fatal(err)
	}
	stream.Abort()
	s.insert(t, d, 2, []string{"1", "b", null})
	s.holds(t, d, []string{"1", "b", null})
}

func testStreamCancelled(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	stream := s.stream(t, ctx, d)
	_, _, err := stream.Append(block(t, d, 1, []string{"1", "a", null}))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := stream.Finish(); chferry.CodeOf(err) != chferry.CodeUnavailable {
		t.Errorf("a cancelled stream ended with %v", err)
	}
}
