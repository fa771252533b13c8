// Package sourcetest is the suite that every source driver passes, so that a sync may rely on the same things whatever
// database the rows come from. It speaks no dialect: a driver's test brings that along in a [Bundle].
package sourcetest

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Bundle is a source and what the suite needs to fill the database behind it.
type Bundle struct {
	Source source.Source
	// Limited opens another source on the same database, which has these
	// [source.Options.MaxFetchBytes] and ends with the test.
	Limited func(t *testing.T, maxFetchBytes int) source.Source
	// Alias is the one that the source was opened with.
	Alias string
	// Exec runs one statement in the source's database, on a connection that may write.
	Exec func(t *testing.T, statement string)
	// Quote returns a name as an SQL identifier.
	Quote func(name string) string
	// Configured returns a table's name as a configuration names it.
	Configured func(name string) string
	// Type returns the SQL type whose kind a source gives as t, without NOT NULL; empty if the
	// database has none. Texts of its strings are all different.
	Type func(t rowset.Type) string
	// Literal returns a value of such a type as an SQL expression. The text is that of [rowset.AppendPrimaryKey]; of
	// Bytes it is the bytes themselves, of floats a decimal number.
	Literal func(t rowset.Type, text string) string
	// Unfit is an SQL type that can't be part of a primary key.
	Unfit string
	// Misfit is an SQL expression whose value an integer column takes although it is none; empty if
	// the database holds columns to their types.
	Misfit string
	// Broken creates a table of that name with the columns id, a whole number and the primary key,
	// and n, and the rows 1 to 9, of which the database fails to give the row 5: not for its keys,
	// but for what it holds, which is the text "secret" or -77777.
	Broken func(t *testing.T, table string)
	// Unreachable opens a source whose database is not there, with the same alias. It ends with the test.
	Unreachable func(t *testing.T) source.Source
	// SameWhenRecreated tells that a table which is dropped and created again with the same primary
	// key is the same table, because the database keeps nothing that tells them apart.
	SameWhenRecreated bool
}

// Run runs the suite. Each call of open gives a bundle on an empty database of its own, which ends with its test.
func Run(t *testing.T, open func(t *testing.T) Bundle) {
	tests := map[string]func(*testing.T, *suite){
		"Check":                       testCheck,
		"Describe":                    testDescribe,
		"DescribeGivenKey":            testDescribeGivenKey,
		"DescribeRefusesKeys":         testDescribeRefusesKeys,
		"DescribeMissingTable":        testDescribeMissingTable,
		"IdentityOfRecreatedTable":    testIdentity,
		"IdentityOfAnotherDatabase":   testIdentityOfAnotherDatabase,
		"Unreachable":                 testUnreachable,
		"FetchDroppedColumn":          testFetchDroppedColumn,
		"CompositeKeysApart":          testCompositeKeysApart,
		"FetchValues":                 testFetchValues,
		"FetchNewestState":            testFetchNewestState,
		"FetchNoKeys":                 testFetchNoKeys,
		"FetchProjected":              testFetchProjected,
		"FetchManyKeys":               testFetchManyKeys,
		"FetchMissingTable":           testFetchMissingTable,
		"FetchUnsupportedColumn":      testFetchUnsupportedColumn,
		"FetchUnfitValues":            testFetchUnfitValues,
		"FetchUnreadableRow":          testFetchUnreadableRow,
		"FetchSeveralRowsOfOneKey":    testFetchSeveralRowsOfOneKey,
		"FetchCancelled":              testFetchCancelled,
		"FetchTooMuch":                testFetchTooMuch,
		"FetchLargeRow":               testFetchLargeRow,
		"FetchSmallValues":            testFetchSmallValues,
		"FetchLargeRowsOfOneKey":      testFetchLargeRowsOfOneKey,
		"FetchLargeUnfitRows":         testFetchLargeUnfitRows,
		"TypedKeys":                   testTypedKeys,
		"ReadKeys":                    testReadKeys,
		"ReadCompositeKeys":           testReadCompositeKeys,
		"CompositeKeys":               testCompositeKeys,
		"NamesThatHurt":               testNames,
		"PrimaryKeys":                 testPrimaryKeys,
		"PrimaryKeysOfEveryKind":      testPrimaryKeysOfEveryKind,
		"PrimaryKeysOfEmptyTable":     testPrimaryKeysOfEmptyTable,
		"PrimaryKeysStopsWithCaller":  testPrimaryKeysStops,
		"PrimaryKeysOfACancelledCall": testPrimaryKeysCancelled,
		"RangesOfEveryKind":           testRangesOfEveryKind,
		"RangesOfCompositeKeys":       testRangesOfCompositeKeys,
		"RangesOfEmptyTable":          testRangesOfEmptyTable,
		"RangesWhileWriting":          testRangesWhileWriting,
		"RangesWhere":                 testRangesWhere,
		"RangesRefuseWhere":           testRangesRefuseWhere,
		"ScanOrder":                   testScanOrder,
		"ScanOrderedKeys":             testScanOrderedKeys,
		"KeyOfPlaces":                 testKeyOfPlaces,
		"ScanRefusesPlaces":           testScanRefusesPlaces,
		"ScanUnreadableRow":           testScanUnreadableRow,
		"ScanSeveralRowsOfOneKey":     testScanSeveralRowsOfOneKey,
		"ScanUnfitValues":             testScanUnfitValues,
		"ScanLargeRows":               testScanLargeRows,
		"ScanMissingTable":            testScanMissingTable,
		"ScanCancelled":               testScanCancelled,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &suite{open(t), open})
		})
	}
}

// suite is a bundle with SQL that all dialects share.
type suite struct {
	Bundle
	open func(t *testing.T) Bundle
}

// another is a suite on another database.
func (s *suite) another(t *testing.T) *suite { return &suite{s.open(t), s.open} }

// column is a column of a test's table.
type column struct {
	name string
	rowset.Type
}

// null stands for a null among the texts of a row.
const null = "\x00null"

// create creates a table whose primary key are the columns named; none if there are none.
func (s *suite) create(t *testing.T, table string, columns []column, key ...string) {
	t.Helper()
	var lines []string
	for _, c := range columns {
		line := s.Quote(c.name) + " " + s.Type(c.Type)
		if !c.Nullable {
			line += " NOT NULL"
		}
		lines = append(lines, line)
	}
	if len(key) > 0 {
		lines = append(lines, "PRIMARY KEY ("+s.list(key)+")")
	}
	s.Exec(t, "CREATE TABLE "+s.Quote(table)+" ("+strings.Join(lines, ", ")+")")
}

func (s *suite) list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = s.Quote(name)
	}
	return strings.Join(quoted, ", ")
}

// insert inserts rows of texts, at most a thousand a statement.
func (s *suite) insert(t *testing.T, table string, columns []column, rows ...[]string) {
	t.Helper()
	const most = 1000
	for len(rows) > most {
		s.insert(t, table, columns, rows[:most]...)
		rows = rows[most:]
	}
	var tuples []string
	for _, row := range rows {
		values := make([]string, len(row))
		for i, text := range row {
			values[i] = s.literal(columns[i].Type, text)
		}
		tuples = append(tuples, "("+strings.Join(values, ", ")+")")
	}
	s.Exec(t, "INSERT INTO "+s.Quote(table)+" VALUES "+strings.Join(tuples, ", "))
}

func (s *suite) literal(typ rowset.Type, text string) string {
	if text == null {
		return "NULL"
	}
	return s.Literal(typ, text)
}

func (s *suite) describe(t *testing.T, table string, primaryKey ...string) rowset.Table {
	t.Helper()
	described, err := s.Source.Describe(t.Context(), s.Configured(table), primaryKey)
	if err != nil {
		t.Fatalf("describe %s: %v", table, err)
	}
	return described
}

// fetch returns, for each of pks, its row as texts, nil for a row that is absent.
func (s *suite) fetch(t *testing.T, table rowset.Table, pks ...chferry.PrimaryKey) [][]string {
	t.Helper()
	rows, err := s.Source.Fetch(t.Context(), table, keysOf(t, table, pks...))
	if err != nil {
		t.Fatalf("fetch from %s: %v", table.Name, err)
	}
	if got, want := len(rows.Key), rows.Rows(); got != want {
		t.Fatalf("fetch from %s: got %d key indexes for %d rows", table.Name, got, want)
	}
	if len(rows.Unfit) > 0 {
		t.Fatalf("fetch from %s: got unfit rows %v", table.Name, rows.Unfit)
	}
	found := make([][]string, len(pks))
	for r, k := range rows.Key {
		if k < 0 || k >= len(pks) || found[k] != nil {
			t.Fatalf("fetch from %s: row %d has key index %d, which is out of range or was given before",
				table.Name, r, k)
		}
		found[k] = rowText(&rows.Block, r)
	}
	return found
}

func keysOf(t *testing.T, table rowset.Table, pks ...chferry.PrimaryKey) []rowset.Vector {
	t.Helper()
	keys := make([]rowset.Vector, len(table.PrimaryKey))
	for i, typ := range table.KeyTypes() {
		keys[i].Type = typ
	}
	for _, pk := range pks {
		if err := rowset.AppendPrimaryKey(keys, pk); err != nil {
			t.Fatalf("read key %q: %v", pk, err)
		}
	}
	return keys
}

// wantCode checks an error's code, and that its text names what it must.
func wantCode(t *testing.T, err error, want chferry.Code, names ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %s", want)
	}
	if got := chferry.CodeOf(err); got != want {
		t.Errorf("got code %s (%v), want %s", got, err, want)
	}
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
}
