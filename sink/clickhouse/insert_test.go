package clickhouse_test

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

var (
	int64Type  = rowset.Type{Kind: rowset.Int64}
	stringType = rowset.Type{Kind: rowset.String}
)

// rowsOf returns a block with ids from 1 to n, whose other columns are filled by fill.
func rowsOf(d sink.Destination, n int, version uint64, fill func(row int, vectors []rowset.Vector)) rowset.Block {
	b := rowset.NewBlock(d.Columns)
	technical := len(d.Columns) - 2
	for row := range n {
		b.Vectors[0].AppendInt(int64(row + 1))
		fill(row, b.Vectors[1:technical])
		b.Vectors[technical].AppendInt(int64(version))
		b.Vectors[technical+1].AppendInt(0)
	}
	return b
}

func (s *server) create(t testing.TB, d sink.Destination) {
	t.Helper()
	missing, err := s.Missing(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
}

func (s *server) insert(t testing.TB, d sink.Destination, b rowset.Block) {
	t.Helper()
	if rejected, err := s.Insert(t.Context(), d, b, "token"); err != nil || len(rejected) > 0 {
		t.Fatalf("insert: rejected %v, %v", rejected, err)
	}
}

// TestOneBlock looks at the parts that the server made of blocks around its usual limits.
func TestOneBlock(t *testing.T) { onServers(t, testOneBlock) }

func testOneBlock(t *testing.T, s *server) {
	d := destination("blocks", []string{"id"}, column("id", int64Type), column("n", int64Type))
	s.create(t, d)
	s.exec(t, "SYSTEM STOP MERGES "+s.database+".blocks")
	fill := func(row int, v []rowset.Vector) { v[0].AppendInt(int64(row)) }
	sizes := []int{1, 70_000, 1_100_000}
	for i, n := range sizes {
		s.insert(t, d, rowsOf(d, n, uint64(i), fill))
	}
	got := s.value(t, "SELECT arrayStringConcat(arrayMap(x -> toString(x), arraySort(groupArray(rows))), ' ') FROM "+
		"system.parts WHERE active AND database = '"+s.database+"' AND table = 'blocks'")
	if want := "1 70000 1100000"; got != want {
		t.Errorf("parts of %s rows, want %s", got, want)
	}
}

// TestFilterAfterFinal asks the view for values that only replaced rows have.
func TestFilterAfterFinal(t *testing.T) { onServers(t, testFilterAfterFinal) }

func testFilterAfterFinal(t *testing.T, s *server) {
	d := destination("finals", []string{"id"}, column("id", int64Type), column("name", stringType))
	s.create(t, d)
	s.exec(t, "SYSTEM STOP MERGES "+s.database+".finals")
	for version, name := range []string{"old", "new"} {
		s.insert(t, d, rowsOf(d, 3, uint64(version), func(_ int, v []rowset.Vector) { v[0].AppendData([]byte(name)) }))
	}
	gone := rowsOf(d, 1, 9, func(_ int, v []rowset.Vector) { v[0].AppendDefault() })
	gone.Vectors[3].Ints[0] = 1
	s.insert(t, d, gone)
	view := s.database + ".finals_current"
	for sql, want := range map[string]string{
		"SELECT toString(count()) FROM " + view + " WHERE name = 'old'":                 "0",
		"SELECT toString(count()) FROM " + view + " WHERE name = 'new'":                 "2",
		"SELECT toString(count()) FROM " + view + " WHERE id = 1":                       "0",
		"SELECT toString(count()) FROM " + view:                                         "2",
		"SELECT toString(count()) FROM " + s.database + ".finals WHERE name = 'old'":    "3",
		"SELECT toString(count()) FROM " + s.database + ".finals WHERE _is_deleted = 1": "1",
	} {
		if got := s.value(t, sql); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
	}
}

// allowDictionaries switches LowCardinality on where it is an experiment.
func (s *server) allowDictionaries(t *testing.T) {
	t.Helper()
	major, _, err := s.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if major > 18 {
		return
	}
	url := s.url + "?allow_experimental_low_cardinality_type=1"
	s.Client, s.conn = openClient(t, url, clickhouse.Options{}), openConn(t, url)
}

// TestForeignTable inserts into a table that somebody else made: wider types, other order, further columns.
func TestForeignTable(t *testing.T) { onServers(t, testForeignTable) }

func testForeignTable(t *testing.T, s *server) {
	s.allowDictionaries(t)
	s.exec(t, "CREATE TABLE "+s.database+".foreign"+` (
		extra DateTime DEFAULT now(), doubled Int64 MATERIALIZED small * 2, _is_deleted UInt8,
		note LowCardinality(Nullable(String)), word LowCardinality(String), id Int64, small Nullable(Int64),
		amount Decimal(20, 4), stamp String, flag Int32, single Nullable(Float64), _version UInt64)
		ENGINE = ReplacingMergeTree(_version) PARTITION BY intDiv(id, 1000) ORDER BY id`)
	d := destination("foreign", []string{"id"}, column("id", int64Type),
		column("small", rowset.Type{Kind: rowset.Int16}), column("amount", decimalOf(12, 2)),
		column("stamp", rowset.Type{Kind: rowset.Timestamp}), column("flag", rowset.Type{Kind: rowset.Bool}),
		column("single", rowset.Type{Kind: rowset.Float32}), column("note", nullable(stringType)),
		column("word", stringType))
	missing, err := s.Missing(t.Context(), d)
	if err != nil || len(missing) != 1 || missing[0].Kind != sink.View {
		t.Fatalf("got %v, %v, want the view alone", missing, err)
	}
	if err := s.Create(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	notes := []string{"a", "NULL", "b", "a", "NULL", ""}
	s.insert(t, d, rowsOf(d, len(notes), 1, func(row int, v []rowset.Vector) {
		v[0].AppendInt(math.MinInt16)
		v[1].AppendData([]byte("-1.25"))
		v[2].AppendInt(-1)
		v[3].AppendInt(1)
		v[4].AppendFloat(float64(float32(0.1)))
		if notes[row] == "NULL" {
			v[5].AppendNull()
		} else {
			v[5].AppendData([]byte(notes[row]))
		}
		v[6].AppendData([]byte(strconv.Itoa(row % 2)))
	}))
	var want [][]string
	for row, note := range notes {
		want = append(want, []string{
			strconv.Itoa(row + 1), "-32768", "-1.2500", "1969-12-31 23:59:59.999999", "1",
			strconv.FormatFloat(float64(float32(0.1)), 'g', -1, 64), note, strconv.Itoa(row % 2),
		})
	}
	columns := slices.Clone(d.Columns[:8])
	columns[4].Type = int64Type // the column's, not the source's
	columns[3].Type = stringType
	if got := s.current(t, "foreign", columns...); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestMisfitsOfTheServer reads tables as this server describes them.
func TestMisfitsOfTheServer(t *testing.T) { onServers(t, testMisfitsOfTheServer) }

func testMisfitsOfTheServer(t *testing.T, s *server) {
	const columns = "id Int64, name String, _version UInt64, _is_deleted UInt8"
	for name, test := range map[string]struct{ sql, want string }{
		"plain":     {"(" + columns + ") ENGINE = MergeTree ORDER BY id", "engine is MergeTree"},
		"memory":    {"(" + columns + ") ENGINE = Memory", "engine is Memory"},
		"unversion": {"(" + columns + ") ENGINE = ReplacingMergeTree ORDER BY id", "_version"},
		"order":     {"(" + columns + ") ENGINE = ReplacingMergeTree(_version) ORDER BY (id, name)", "name"},
		"function": {
			"(" + columns + ") ENGINE = ReplacingMergeTree(_version) ORDER BY intDiv(id, 10)",
			"intDiv(id, 10)",
		},
		"unordered": {"(" + columns + ") ENGINE = ReplacingMergeTree(_version) ORDER BY tuple()", `"id"`},
		"parted": {"(" + columns +
			") ENGINE = ReplacingMergeTree(_version) PARTITION BY substring(name, 1, 1) ORDER BY id", `"name"`},
		"narrow": {"(id Int32, name String, _version UInt64, _is_deleted UInt8) ENGINE = " +
			"ReplacingMergeTree(_version) ORDER BY id", `"id" is Int32`},
		"computed": {"(id Int64, name String MATERIALIZED 'x', _version UInt64, _is_deleted UInt8) ENGINE = " +
			"ReplacingMergeTree(_version) ORDER BY id", "MATERIALIZED"},
		"undeleted": {
			"(id Int64, name String, _version UInt64) ENGINE = ReplacingMergeTree(_version) ORDER BY id",
			`"_is_deleted" is missing`,
		},
	} {
		s.exec(t, "CREATE TABLE "+s.database+"."+name+" "+test.sql)
		_, err := s.Missing(t.Context(),
			destination(name, []string{"id"}, column("id", int64Type), column("name", stringType)))
		if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), test.want) ||
			!strings.Contains(err.Error(), s.database+"."+name) {
			t.Errorf("%s: got %v, want a mismatch with %s", name, err, test.want)
		}
	}
	s.exec(t, "CREATE TABLE "+s.database+".taken_current (id Int64) ENGINE = Memory")
	_, err := s.Missing(t.Context(), destination("taken", []string{"id"}, column("id", int64Type)))
	if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), "taken_current") {
		t.Errorf("got %v for a table in the view's place", err)
	}
}

// TestTableChangedSinceThePlan: what an insert meets may differ from what the plan was made for.
// The error names the column, and nothing is written.
func TestTableChangedSinceThePlan(t *testing.T) { onServers(t, testTableChangedSinceThePlan) }

func testTableChangedSinceThePlan(t *testing.T, s *server) {
	const columns, order = "_version UInt64, _is_deleted UInt8) ENGINE = ReplacingMergeTree(_version)", " ORDER BY id"
	for name, test := range map[string]struct{ sql, want string }{
		"lost":     {"(id Int64, " + columns + order, `column "name" is missing`},
		"narrowed": {"(id Int32, name String, " + columns + order, `column "id" is Int32`},
		"retyped":  {"(id Int64, name Array(String), " + columns + order, `column "name" is Array(String)`},
		"computed": {"(id Int64, name String MATERIALIZED 'x', " + columns + order, `column "name" is MATERIALIZED`},
		"dropped":  {"", "does not exist: create it with apply"},
	} {
		if test.sql != "" {
			s.exec(t, "CREATE TABLE "+s.database+"."+name+" "+test.sql)
		}
		d := destination(name, []string{"id"}, column("id", int64Type), column("name", stringType))
		block := rowsOf(d, 2, 1, func(_ int, v []rowset.Vector) { v[0].AppendData([]byte("a")) })
		_, err := s.Insert(t.Context(), d, block, name)
		if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), test.want) ||
			!strings.Contains(err.Error(), s.database+"."+name) {
			t.Errorf("%s: got %v, want a mismatch with %s", name, err, test.want)
		}
		if test.sql != "" && s.value(t, "SELECT toString(count()) FROM "+s.database+"."+name) != "0" {
			t.Errorf("%s: rows were written", name)
		}
	}
}

// TestDatabasesThatHurt writes into a database whose name needs quotes.
func TestDatabasesThatHurt(t *testing.T) { onServers(t, testDatabasesThatHurt) }

func testDatabasesThatHurt(t *testing.T, s *server) {
	name := s.database + " Odd.\\db \"q\" `t` select"
	quoted := "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
	s.exec(t, "CREATE DATABASE "+quoted)
	defer s.exec(t, "DROP DATABASE "+quoted)
	d := destination("`"+strings.ReplaceAll(name, "`", "``")+"`.users", []string{"id"}, column("id", int64Type))
	s.create(t, d)
	s.insert(t, d, rowsOf(d, 3, 1, func(int, []rowset.Vector) {}))
	if got := s.value(t, "SELECT toString(count()) FROM "+quoted+".users_current"); got != "3" {
		t.Errorf("got %s rows, want 3", got)
	}
	if version, err := s.MaxVersion(t.Context(), d); err != nil || version != 1 {
		t.Errorf("got version %d, %v", version, err)
	}
}

// TestExtremeTimes reads back what this server makes of times that its columns can't hold.
func TestExtremeTimes(t *testing.T) { onServers(t, testExtremeTimes) }

func testExtremeTimes(t *testing.T, s *server) {
	d := destination("times", []string{"id"}, column("id", int64Type),
		column("day", rowset.Type{Kind: rowset.Date}), column("stamp", nullable(rowset.Type{Kind: rowset.Timestamp})))
	s.create(t, d)
	days := []int64{
		math.MinInt64, dayOf(t, "0044-03-15"), dayOf(t, "9999-12-31"), math.MaxInt64,
		dayOf(t, "2038-01-19"),
	}
	stamps := []int64{
		math.MinInt64, micros(t, "1000-01-01 00:00:00"), micros(t, "9999-12-31 23:59:59.999999"), math.MaxInt64,
		micros(t, "2038-01-19 03:14:08.999999"),
	}
	s.insert(t, d, rowsOf(d, len(days), 1, func(row int, v []rowset.Vector) {
		v[0].AppendInt(days[row])
		v[1].AppendInt(stamps[row])
	}))
	// 1970-01-01, as 18.16 writes the first value of a type.
	first, last := [2]string{"0000-00-00", "0000-00-00 00:00:00"}, [2]string{"2106-02-07", "2105-12-31 23:59:59"}
	between := [2]string{"2038-01-19", "2038-01-19 03:14:08"}
	if major, _, err := s.Version(t.Context()); err != nil {
		t.Fatal(err)
	} else if major > 22 {
		first, last = [2]string{"1900-01-01", "1900-01-01 00:00:00.000000"},
			[2]string{"2299-12-31", "2299-12-31 23:59:59.999999"}
		between[1] += ".999999"
	}
	got := s.rows(t, "SELECT toString(day), toString(stamp) FROM "+s.database+".times_current ORDER BY id",
		[]rowset.TypeKind{rowset.String, rowset.String})
	want := [][]string{first[:], first[:], last[:], last[:], between[:]}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestKeysAreNotClamped sets rows aside whose key would become another's.
func TestKeysAreNotClamped(t *testing.T) { onServers(t, testKeysAreNotClamped) }

func testKeysAreNotClamped(t *testing.T, s *server) {
	d := destination("days", []string{"id", "day"}, column("id", int64Type),
		column("day", rowset.Type{Kind: rowset.Date}))
	s.create(t, d)
	days := []string{"0044-03-15", "2024-02-29", "9999-12-31"}
	rejected, err := s.Insert(t.Context(), d,
		rowsOf(d, len(days), 1, func(row int, v []rowset.Vector) { v[0].AppendInt(dayOf(t, days[row])) }), "")
	if err != nil || len(rejected) != 2 || rejected[0].Row != 0 || rejected[1].Row != 2 {
		t.Fatalf("got %v, %v, want rows 0 and 2 rejected", rejected, err)
	}
	if got, want := rejected[0].Reason, "a date outside its range"; !strings.Contains(got, want) ||
		!strings.Contains(got, `"day"`) || !strings.Contains(got, "cast: {day: String}") {
		t.Errorf("got reason %q, want %q of column day, and a cast", got, want)
	}
	if got, want := s.current(t, "days", d.Columns[:2]...),
		[][]string{{"2", "2024-02-29"}}; !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
}
