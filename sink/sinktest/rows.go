package sinktest

import (
	"math"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

func testNewerVersion(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 5, []string{"1", "old", null}, []string{"2", "kept", "2.00"})
	s.insert(t, d, 6, []string{"1", "new", "-0.01"})
	s.holds(t, d, []string{"1", "new", "-0.01"}, []string{"2", "kept", "2.00"})
}

func testOlderVersion(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, math.MaxUint64, []string{"1", "new", null})
	s.insert(t, d, math.MaxInt64+2, []string{"1", "old", null}, []string{"2", "also", null})
	s.insert(t, d, math.MaxInt64, []string{"2", "older", null})
	s.holds(t, d, []string{"1", "new", null}, []string{"2", "also", null})
}

// testTombstones deletes, brings back, and deletes what was never there.
func testTombstones(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "a", null}, []string{"2", "b", null}, []string{"3", "c", null})
	s.insert(t, d, 2, []string{"1"}, []string{"2"}, []string{"9"})
	s.holds(t, d, []string{"3", "c", null})
	s.insert(t, d, 3, []string{"2", "again", null})
	s.insert(t, d, 1, []string{"1", "late", null})
	s.holds(t, d, []string{"2", "again", null}, []string{"3", "c", null})
}

func testCompositeKeys(t *testing.T, s *suite) {
	d := destination("pairs", []string{"b", "a"}, column("a", int64Type), column("b", stringType))
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "x"}, []string{"1", "X"}, []string{"2", "x"}, []string{"1", ""})
	gone := block(t, d, 2, []string{"1", "X"})
	gone.Vectors[3].Ints[0] = 1
	if _, err := s.Sink.Insert(t.Context(), d, gone, "gone"); err != nil {
		t.Fatal(err)
	}
	s.holds(t, d, []string{"1", ""}, []string{"1", "x"}, []string{"2", "x"})
}

// testRepetition inserts one block twice, as a sync does that died before it could tell.
func testRepetition(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	for range 2 {
		s.insert(t, d, 4, []string{"1", "a", null}, []string{"2"})
	}
	s.holds(t, d, []string{"1", "a", null})
}

func testEmptyBlock(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	rejected, err := s.Sink.Insert(t.Context(), d, rowset.NewBlock(d.Columns), "empty")
	if err != nil || len(rejected) > 0 {
		t.Errorf("got %v, %v", rejected, err)
	}
	s.holds(t, d)
}

// testRejected has rows that can't be held among others that can.
func testRejected(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	b := block(t, d, 1, []string{"1", "a", "NaN"}, []string{"2", "b", "2.00"}, []string{"3", "c", null},
		[]string{"4", "d", "NaN"})
	rejected, err := s.Sink.Insert(t.Context(), d, b, "some")
	if err != nil {
		t.Fatal(err)
	}
	if len(rejected) != 2 || rejected[0].Row != 0 || rejected[1].Row != 3 {
		t.Fatalf("got %v, want rows 0 and 3", rejected)
	}
	if reason := rejected[0].Reason; !strings.Contains(reason, `"amount"`) || !strings.Contains(reason, "users") {
		t.Errorf("got reason %q, which should name table and column", reason)
	}
	s.holds(t, d, []string{"2", "b", "2.00"}, []string{"3", "c", null})
}

func testRejectedAll(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	rejected, err := s.Sink.Insert(t.Context(), d, block(t, d, 1, []string{"1", "a", "NaN"}), "all")
	if err != nil || len(rejected) != 1 {
		t.Errorf("got %v, %v, want one row", rejected, err)
	}
	s.holds(t, d)
}

func testMaxVersion(t *testing.T, s *suite) {
	d := users()
	version := func(when string, want uint64) {
		t.Helper()
		if got, err := s.Sink.MaxVersion(t.Context(), d); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", when, got, err, want)
		}
	}
	version("without the table", 0)
	s.create(t, d)
	version("of an empty table", 0)
	s.insert(t, d, 5, []string{"1", "a", null})
	s.insert(t, d, 3, []string{"1", "b", null})
	version("of 5 and 3", 5)
	s.insert(t, d, 1<<63+9, []string{"2"})
	version("above the signed numbers, of a tombstone", 1<<63+9)
}

func testInsertWithoutTable(t *testing.T, s *suite) {
	_, err := s.Sink.Insert(t.Context(), users(), block(t, users(), 1, []string{"1", "a", null}), "none")
	wantCode(t, err, chferry.CodeSchemaMismatch)
}

// testInsertMisfit inserts rows of a source that has changed since the table was checked.
func testInsertMisfit(t *testing.T, s *suite) {
	s.create(t, users())
	d := destination("users", []string{"id"}, column("id", int64Type), column("renamed", stringType))
	_, err := s.Sink.Insert(t.Context(), d, block(t, d, 1, []string{"1", "secret value"}), "misfit")
	wantCode(t, err, chferry.CodeSchemaMismatch)
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error holds a value: %v", err)
	}
	s.holds(t, users())
}

func testInsertCancelled(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	_, err := s.Sink.Insert(cancelled(t), d, block(t, d, 1, []string{"1", "a", null}), "cancelled")
	wantCode(t, err, chferry.CodeUnavailable)
	s.insert(t, d, 2, []string{"2", "after", null})
	s.holds(t, d, []string{"2", "after", null})
}
