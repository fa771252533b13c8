package sinktest

import (
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// replacerTests are those of a [sink.Replacer].
var replacerTests = map[string]func(*testing.T, *suite){
	"Replace":             testReplace,
	"ReplaceGoesOn":       testReplaceGoesOn,
	"ReplaceAnew":         testReplaceAnew,
	"ReplaceCancelled":    testReplaceCancelled,
	"ReplaceAltered":      testReplaceAltered,
	"ReplaceWithoutTable": testReplaceWithoutTable,
	"ReplaceTombstones":   testReplaceTombstones,
	"ReplaceNames":        testReplaceNames,
}

func (s *suite) replacer(t *testing.T) sink.Replacer {
	t.Helper()
	r, ok := s.Sink.(sink.Replacer)
	if !ok {
		t.Fatalf("%T is no sink.Replacer", s.Sink)
	}
	return r
}

func (s *suite) prepare(t *testing.T, d sink.Destination, token string) sink.Destination {
	t.Helper()
	own, err := s.replacer(t).Prepare(t.Context(), d, token)
	if err != nil {
		t.Fatalf("prepare: %v", err)
	}
	if own.Table == d.Table {
		t.Fatalf("got the table itself, %s", own.Table)
	}
	return own
}

func (s *suite) exchange(t *testing.T, d sink.Destination, token string, own sink.Destination) {
	t.Helper()
	if err := s.replacer(t).Exchange(t.Context(), d, token, own.Table); err != nil {
		t.Fatalf("exchange: %v", err)
	}
}

func (s *suite) drop(t *testing.T, d sink.Destination, token string) {
	t.Helper()
	if err := s.replacer(t).Drop(t.Context(), d, token); err != nil {
		t.Fatalf("drop: %v", err)
	}
}

// wantRows counts the rows of a table that no view shows.
func (s *suite) wantRows(t *testing.T, when string, d sink.Destination, want uint64) {
	t.Helper()
	if got := s.sums(t, selection(d), sink.Range{})[0].Rows; got != want {
		t.Errorf("%s: table %s has %d rows, want %d", when, d.Table, got, want)
	}
}

// wantGone wants a table not to exist.
func (s *suite) wantGone(t *testing.T, d sink.Destination) {
	t.Helper()
	_, err := s.Sink.Insert(t.Context(), d, block(t, d, 9, []string{"9", "z", null}), "gone")
	wantCode(t, err, chferry.CodeSchemaMismatch)
}

// testReplace asks for each step twice, as a job does that died before it could tell.
func testReplace(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "old", null}, []string{"2", "surplus", null})
	own := s.prepare(t, d, "job")
	s.insert(t, own, 2, []string{"1", "new", "1.00"})
	s.wantRows(t, "before the exchange", own, 1)
	s.holds(t, d, []string{"1", "old", null}, []string{"2", "surplus", null})
	for range 2 {
		s.exchange(t, d, "job", own)
		s.holds(t, d, []string{"1", "new", "1.00"})
		s.wantGone(t, own)
	}
	s.insert(t, d, 3, []string{"3", "late", null})
	for range 2 {
		s.drop(t, d, "job")
		s.holds(t, d, []string{"1", "new", "1.00"}, []string{"3", "late", null})
		s.wantGone(t, own)
	}
	if missing, err := s.Sink.Missing(t.Context(), d); err != nil || len(missing) > 0 {
		t.Errorf("got %v, %v, want nothing missing", missing, err)
	}
	again := s.prepare(t, d, "another job")
	s.exchange(t, d, "another job", again)
	s.drop(t, d, "another job")
	s.holds(t, d)
	s.wantGone(t, again)
}

// testReplaceGoesOn: a job finds its table, and its rows in it.
func testReplaceGoesOn(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	own := s.prepare(t, d, "job")
	s.insert(t, own, 1, []string{"1", "a", null})
	if again := s.prepare(t, d, "job"); again.Table != own.Table {
		t.Errorf("got table %s, and then %s", own.Table, again.Table)
	}
	s.wantRows(t, "when it goes on", own, 1)
}

// testReplaceAnew: a job begins with an empty table after one that died.
func testReplaceAnew(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "a", null})
	dead := s.prepare(t, d, "dead")
	s.insert(t, dead, 1, []string{"7", "dead", null})
	own := s.prepare(t, d, "alive")
	s.wantGone(t, dead)
	s.wantRows(t, "of the second job", own, 0)
	wantCode(t, s.replacer(t).Exchange(t.Context(), d, "dead", dead.Table), chferry.CodeSchemaMismatch)
	s.drop(t, d, "dead")
	s.wantRows(t, "after the first job was dropped", own, 0)
	s.holds(t, d, []string{"1", "a", null})
}

func testReplaceCancelled(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "a", null})
	_, err := s.replacer(t).Prepare(cancelled(t), d, "job")
	wantCode(t, err, chferry.CodeUnavailable)
	own := s.prepare(t, d, "job")
	wantCode(t, s.replacer(t).Exchange(cancelled(t), d, "job", own.Table), chferry.CodeUnavailable)
	wantCode(t, s.replacer(t).Drop(cancelled(t), d, "job"), chferry.CodeUnavailable)
	s.drop(t, d, "job")
	s.wantGone(t, own)
	s.holds(t, d, []string{"1", "a", null})
}

// testReplaceAltered: a column that was added meanwhile would be lost with its values.
func testReplaceAltered(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	own := s.prepare(t, d, "job")
	more := destination("users", []string{"id"}, append(source(users()), column("added", stringType))...)
	s.create(t, more)
	s.insert(t, more, 1, []string{"1", "a", null, "x"})
	for range 2 {
		wantCode(t, s.replacer(t).Exchange(t.Context(), d, "job", own.Table), chferry.CodeSchemaMismatch)
		s.holds(t, more, []string{"1", "a", null, "x"})
		s.wantRows(t, "after an exchange that was refused", own, 0)
	}
	s.drop(t, d, "job")
	own = s.prepare(t, more, "job again")
	s.insert(t, own, 1, []string{"1", "a", null, "y"})
	s.exchange(t, more, "job again", own)
	s.holds(t, more, []string{"1", "a", null, "y"})
}

func testReplaceWithoutTable(t *testing.T, s *suite) {
	r := s.replacer(t)
	_, err := r.Prepare(t.Context(), users(), "job")
	wantCode(t, err, chferry.CodeSchemaMismatch)
	wantCode(t, r.Exchange(t.Context(), users(), "job", "users_new"), chferry.CodeSchemaMismatch)
	s.drop(t, users(), "job")
	s.create(t, users())
	wantCode(t, r.Exchange(t.Context(), users(), "job", "users_new"), chferry.CodeSchemaMismatch)
	s.drop(t, users(), "job")
	s.holds(t, users())
}

// testReplaceTombstones: a row that was deleted before stays deleted when an older version of it comes late.
func testReplaceTombstones(t *testing.T, s *suite) {
	d := users()
	s.create(t, d)
	s.insert(t, d, 1, []string{"1", "deleted", null}, []string{"2", "back", null}, []string{"3", "kept", null})
	s.insert(t, d, 2, []string{"1"}, []string{"2"})
	own := s.prepare(t, d, "job")
	s.insert(t, own, 3, []string{"2", "back", null}, []string{"3", "kept", null})
	s.exchange(t, d, "job", own)
	s.drop(t, d, "job")
	s.insert(t, d, 1, []string{"1", "late", null}, []string{"2", "late", null})
	s.holds(t, d, []string{"2", "back", null}, []string{"3", "kept", null})
}

// testReplaceNames has tables whose names hurt, one of which begins as the other does.
func testReplaceNames(t *testing.T, s *suite) {
	name := "ta``ble (x), \"q\" \\' -- c"
	d := destination("`"+name+"`", []string{"id"}, column("id", int64Type))
	other := destination("`"+name+"_chferry_`", []string{"id"}, column("id", int64Type))
	s.create(t, d)
	s.create(t, other)
	ofOther := s.prepare(t, other, "job")
	own := s.prepare(t, d, "job")
	s.insert(t, own, 1, []string{"1"})
	s.exchange(t, d, "job", own)
	s.drop(t, d, "job")
	s.holds(t, d, []string{"1"})
	s.holds(t, other)
	s.wantRows(t, "of the other table", ofOther, 0)
}
