// Package sinktest is the suite that every sink driver passes, so that a sync may rely on the same
// things whatever server the rows go to. It writes through the sink and reads through the driver's
// test, which brings the reading along in a [Bundle].
package sinktest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Bundle is a sink and what the suite needs to see what it did.
type Bundle struct {
	Sink sink.Sink
	// Current returns the rows of a destination table that count, those that are neither replaced nor deleted, in the
	// order of their texts. Values are in the notation of [rowset.AppendPrimaryKey], bytes as they are, floats as
	// Go's %v, arrays as [a b] with a T in times; a null is NULL.
	Current func(t *testing.T, table string, columns ...rowset.Column) [][]string
	// Unreachable returns a sink whose server does not answer.
	Unreachable func(t *testing.T) sink.Sink
}

// Run runs the suite. Each call of open gives a bundle on an empty database of its own, which ends with its test.
func Run(t *testing.T, open func(t *testing.T) Bundle) {
	tests := map[string]func(*testing.T, *suite){
		"Check":                    testCheck,
		"CheckUnreachable":         testUnreachable,
		"MissingUntilCreated":      testMissing,
		"MissingKeepsWhatIsThere":  testMissingKeeps,
		"MissingRefusesMisfits":    testMisfits,
		"MissingColumns":           testMissingColumns,
		"Unfilled":                 testUnfilled,
		"MissingRefusesOrder":      testOrder,
		"NamesThatHurt":            testNames,
		"Values":                   testValues,
		"Nulls":                    testNulls,
		"NewerVersionWins":         testNewerVersion,
		"OlderVersionLoses":        testOlderVersion,
		"Tombstones":               testTombstones,
		"CompositeKeys":            testCompositeKeys,
		"Repetition":               testRepetition,
		"EmptyBlock":               testEmptyBlock,
		"Rejected":                 testRejected,
		"RejectedAll":              testRejectedAll,
		"MaxVersion":               testMaxVersion,
		"InsertWithoutTable":       testInsertWithoutTable,
		"InsertIntoAnAlteredTable": testInsertMisfit,
		"InsertCancelled":          testInsertCancelled,
	}
	maps.Copy(tests, readerTests)
	maps.Copy(tests, gaugeTests)
	maps.Copy(tests, replacerTests)
	runAll(t, open, tests)
	t.Run("Stream", func(t *testing.T) {
		t.Parallel()
		runAll(t, open, streamTests)
	})
}

// RunReader runs the part of the suite that is about a [sink.Reader].
func RunReader(t *testing.T, open func(t *testing.T) Bundle) { runAll(t, open, readerTests) }

func runAll(t *testing.T, open func(t *testing.T) Bundle, tests map[string]func(*testing.T, *suite)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &suite{open(t)})
		})
	}
}

type suite struct{ Bundle }

var (
	int64Type  = rowset.Type{Kind: rowset.Int64}
	stringType = rowset.Type{Kind: rowset.String}
	amountType = rowset.Type{Kind: rowset.Decimal, Precision: 12, Scale: 2}
)

func nullable(t rowset.Type) rowset.Type {
	t.Nullable = true
	return t
}

func column(name string, t rowset.Type) rowset.Column {
	return rowset.Column{Name: name, Destination: name, Type: t}
}

// null stands for a null among the texts of a row.
const null = "NULL"

// destination returns one for a table with these columns, and those of its engine behind them.
func destination(table string, key []string, columns ...rowset.Column) sink.Destination {
	return sink.Destination{
		Table: table, Engine: engine.Replacing{}, Key: key, OrderBy: key,
		Columns: append(slices.Clip(columns),
			rowset.Column{Destination: "_version", Type: rowset.Type{Kind: rowset.Uint64}},
			rowset.Column{Destination: "_is_deleted", Type: rowset.Type{Kind: rowset.Uint8}}),
	}
}

// users is the destination that most tests use.
func users() sink.Destination {
	return destination("users", []string{"id"},
		column("id", int64Type), column("name", stringType), column("amount", nullable(amountType)))
}

// source returns the columns of d that an engine did not add.
func source(d sink.Destination) []rowset.Column { return d.Columns[:len(d.Columns)-2] }

// create makes the destination and checks that nothing is missing afterwards.
func (s *suite) create(t *testing.T, d sink.Destination) {
	t.Helper()
	missing, err := s.Sink.Missing(t.Context(), d)
	if err != nil {
		t.Fatalf("missing: %v", err)
	}
	if err := s.Sink.Create(t.Context(), missing); err != nil {
		t.Fatalf("create: %v", err)
	}
}

// block returns a block of rows of texts with a version; one that starts with a minus sign is a tombstone.
func block(t *testing.T, d sink.Destination, version uint64, rows ...[]string) rowset.Block {
	t.Helper()
	b := rowset.NewBlock(d.Columns)
	technical := len(d.Columns) - 2
	for _, row := range rows {
		deleted := int64(0)
		for c := range technical {
			switch {
			case c < len(row):
				appendText(t, &b.Vectors[c], row[c])
			default: // a tombstone knows nothing but its key
				b.Vectors[c].AppendDefault()
				deleted = 1
			}
		}
		b.Vectors[technical].AppendInt(int64(version))
		b.Vectors[technical+1].AppendInt(deleted)
	}
	return b
}

// insert inserts a block all of whose rows must be accepted.
func (s *suite) insert(t *testing.T, d sink.Destination, version uint64, rows ...[]string) {
	t.Helper()
	rejected, err := s.Sink.Insert(t.Context(), d, block(t, d, version, rows...), "token-"+strings.Join(rows[0], ""))
	if err != nil || len(rejected) > 0 {
		t.Fatalf("insert: rejected %v, %v", rejected, err)
	}
}

// holds compares the rows that count with those wanted, which are in the order of their texts.
func (s *suite) holds(t *testing.T, d sink.Destination, want ...[]string) {
	t.Helper()
	got := s.Current(t, d.Table, source(d)...)
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("table %s holds\n%.2000q\nwant\n%.2000q", d.Table, got, want)
	}
}

func wantCode(t *testing.T, err error, want chferry.Code) {
	t.Helper()
	if got := chferry.CodeOf(err); err == nil || got != want {
		t.Errorf("got code %s (%v), want %s", got, err, want)
	}
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
