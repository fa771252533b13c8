package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// refusals are what makes servers refuse a row with the word poison, as statements about the table $t.
var refusals = map[string]struct {
	modern bool // servers of today alone have it
	// inTable tells that the rows of a refused block are in the table all the same: a view gets them from there.
	inTable    bool
	statements []string
}{
	"constraint": {modern: true, statements: []string{"ALTER TABLE $t ADD CONSTRAINT edible CHECK word != 'poison'"}},
	"view": {inTable: true, statements: []string{
		"CREATE TABLE $t_seen (id Int64, n UInt8) ENGINE = MergeTree ORDER BY id",
		"CREATE MATERIALIZED VIEW $t_view TO $t_seen AS SELECT id, throwIf(word = 'poison') AS n FROM $t",
	}},
	"parsing": {inTable: true, statements: []string{
		"CREATE TABLE $t_seen (id Int64, n UInt8) ENGINE = MergeTree ORDER BY id",
		"CREATE MATERIALIZED VIEW $t_view TO $t_seen AS " +
			"SELECT id, toUInt8(if(word = 'poison', word, '1')) AS n FROM $t",
	}},
}

// TestRefused: each server says of a block with such a row that it refuses it, by an error that
// names the table and what to do, and no value. It takes the others, before and after.
func TestRefused(t *testing.T) { onServers(t, testRefused) }

func testRefused(t *testing.T, s *server) {
	major, _, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, refusal := range refusals {
		if refusal.modern && major < 20 {
			continue
		}
		d := destination(name, []string{"id"}, column("id", int64Type), column("word", stringType))
		s.create(t, d)
		table := s.database + "." + name
		for _, statement := range refusal.statements {
			s.exec(t, strings.ReplaceAll(statement, "$t", table))
		}
		s.insert(t, d, words(d, 1, "fine", "fine"))
		for range 10 { // more than there are connections
			_, err := s.Insert(t.Context(), d, words(d, 2, "fine", "fine", "poison"), "")
			wantRefusal(t, err, "insert into "+table, "mend the row or the table", "retry")
		}
		s.insert(t, d, words(d, 3, "good", "good"))
		if got := s.value(t, "SELECT toString(count()) FROM "+table+" WHERE _version = 3"); got != "2" {
			t.Errorf("%s: %s rows came after those that were refused, want 2", name, got)
		}
		if got := s.value(t, "SELECT toString(count()) FROM "+table+
			" WHERE word = 'poison'"); (got != "0") != refusal.inTable {
			t.Errorf("%s: %s refused rows are in the table", name, got)
		}
	}
}

// words is a block of rows with words.
func words(d sink.Destination, version uint64, words ...string) rowset.Block {
	return rowsOf(d, len(words), version, func(row int, v []rowset.Vector) { v[0].AppendData([]byte(words[row])) })
}

func wantRefusal(t *testing.T, err error, texts ...string) {
	t.Helper()
	if chferry.CodeOf(err) != chferry.CodeRefused {
		t.Fatalf("got %v (%s), want it refused", err, chferry.CodeOf(err))
	}
	for _, want := range texts {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not have %q: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "poison") {
		t.Errorf("the error holds a value: %v", err)
	}
}
