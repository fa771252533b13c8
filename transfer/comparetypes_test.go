package transfer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
)

// comparedColumns are columns with values at the edges of their types, and one that differs as
// little as can be from the first.
var comparedColumns = []struct {
	sql, cast string
	values    []string
	other     string // than the first value
	modern    bool   // not for a server that holds whole seconds, or lacks the type of the cast
}{
	{sql: "boolean", values: []string{"true", "false"}, other: "false"},
	{sql: "smallint", values: []string{"32767", "-32768", "0"}, other: "32766"},
	{sql: "integer", values: []string{"2147483647", "-2147483648"}, other: "2147483646"},
	{sql: "bigint", values: []string{"9223372036854775807", "-9223372036854775808"}, other: "9223372036854775806"},
	{sql: "oid", values: []string{"4294967295", "0"}, other: "4294967294"},
	{sql: "real", values: []string{"0", "-0", "NaN", "Infinity", "-Infinity", "1e-45", "3.4028235e38"}, other: "-0"},
	{
		sql: "double precision", values: []string{"0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "0.1"},
		other: "5e-324",
	},
	{sql: "numeric(12,2)", values: []string{"9999999999.99", "-0.01", "0"}, other: "9999999999.98"},
	{
		sql: "numeric(76,38)",
		values: []string{
			nines(38) + "." + nines(38), "-" + nines(38) + "." + nines(38), "0." + strings.Repeat("0", 37) + "1",
		},
		other: nines(38) + "." + nines(37) + "8",
	},
	{sql: "numeric(3,-2)", values: []string{"99900"}, other: "99800"},
	{sql: "numeric", values: []string{"1.00", "NaN", "Infinity", nines(500)}, other: "1.0"},
	{sql: "numeric(20,4)", cast: "Decimal(38, 10)", values: []string{"1.0001", "-1"}, other: "1.0002"},
	{sql: "bigint", cast: "String", values: []string{"1", "-1"}, other: "2"},
	{sql: "text", values: []string{
		"a\n", "", "NULL", "\\N", "'\"`\\", "日本🚢\U0010ffff", strings.Repeat("é", 100_000),
	}, other: "a\t"},
	{sql: "text", cast: "LowCardinality(String)", values: []string{"a", ""}, other: "b", modern: true},
	{sql: "char(4)", values: []string{"ab"}, other: "ac"},
	{sql: "json", values: []string{`{"b": 1,  "a":[null, "é"]}`}, other: `{"b": 1, "a":[null, "é"]}`},
	{sql: "jsonb", values: []string{`{"b": 1,  "a":[null, "é"]}`, "null"}, other: `{"b": 1}`},
	{sql: "bytea", values: []string{`\x0a`, `\x`, `\x000102ff0a`}, other: `\x0b`},
	{sql: "uuid", values: []string{
		"0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6", "00000000-0000-0000-0000-000000000000",
	}, other: "0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d7"},
	{sql: "date", values: []string{
		"2024-02-29", "1900-01-01", "2299-12-31", "infinity", "4713-01-01 BC",
	}, other: "2024-03-01"},
	{sql: "timestamp", values: []string{
		"2024-02-29 12:00:00.000001", "1969-12-31 23:59:59.999999", "1900-01-01", "2299-12-31 23:59:59.999999",
		"infinity", "1000-01-01",
	}, other: "2024-02-29 12:00:00", modern: true},
	{sql: "timestamp", values: []string{"2024-02-29 12:00:00.5", "infinity"}, other: "2024-02-29 12:00:01"},
	{sql: "timestamptz", values: []string{"2024-02-29 12:00:00.000001+03"}, other: "2024-02-29 12:00:00.000001+02"},
	{
		sql: "timestamptz", cast: "DateTime64(3)", values: []string{"2024-02-29 12:00:00.001"},
		other: "2024-02-29 12:00:00.002", modern: true,
	},
	{sql: "mood", values: []string{"z", "m"}, other: "a"},
	{sql: "interval", values: []string{"1 day", "24:00:00"}, other: "1 day 00:00:01"},
	{sql: "inet", values: []string{"10.0.0.1", "::1/64"}, other: "10.0.0.2"},
	{sql: "integer[]", values: []string{"{1,NULL,3}", "{}"}, other: "{1,0,3}"},
	{sql: "text[][]", values: []string{`{{a,NULL},{"",b}}`}, other: `{{a,NULL},{NULL,b}}`},
	{sql: "numeric(40,2)[]", values: []string{"{1.00,-0.01}"}, other: "{1.00,0.01}"},
	{sql: "timestamp[]", values: []string{"{2024-02-29,infinity}"}, other: "{2024-02-29,2024-02-29}"},
	{sql: "uuid[]", values: []string{"{0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6}"}, other: "{}"},
	{sql: "double precision[]", values: []string{"{NaN,-0}"}, other: "{NaN,0}"},
	{sql: "mood[]", values: []string{"{z,NULL}"}, other: "{z}"},
}

func nines(n int) string { return strings.Repeat("9", n) }

// TestCompareTypes: rows are equal once they were copied, whatever they hold, and the smallest change
// of any column is found.
func TestCompareTypes(t *testing.T) {
	t.Parallel()
	for name, server := range map[string]func(testing.TB) string{
		"installed": testenv.ClickHouse, "modern": testenv.ModernClickHouse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareTypesOn(t, server(t), name == "modern")
		})
	}
}

func compareTypesOn(t *testing.T, clickHouse string, modern bool) {
	t.Helper()
	create, casts := "CREATE TABLE items (id bigint PRIMARY KEY", map[string]string{}
	for i, c := range comparedColumns {
		if c.modern && !modern {
			continue
		}
		name := fmt.Sprintf("c%d", i)
		create += ", " + name + " " + c.sql
		if c.cast != "" {
			casts[name] = c.cast
		}
	}
	s := newServers(t, clickHouse, compareTypes+create+")", func(i *chferry.Import) { i.Cast = casts })
	put := func(statement string, values ...any) {
		t.Helper()
		_, err := s.pools["default"].Exec(t.Context(), statement, values...)
		ok(t, err)
	}
	id, changes, want := 0, []func(){}, []string(nil)
	for i, c := range comparedColumns {
		if c.modern && !modern {
			continue
		}
		first := id
		for _, value := range append([]string{c.values[0]}, c.values...) {
			put(fmt.Sprintf("INSERT INTO items (id, c%d) VALUES (%d, $1::text::%s)", i, id, c.sql), value)
			id++
		}
		changes = append(changes, func() {
			put(fmt.Sprintf("UPDATE items SET c%d = $1::text::%s WHERE id = %d", i, c.sql, first), c.other)
			put(fmt.Sprintf("UPDATE items SET c%d = NULL WHERE id = %d", i, first+1))
		})
		want = append(want, fmt.Sprintf("stale %d", first), fmt.Sprintf("stale %d", first+1))
	}
	s.copyAll()
	got := s.compare(s.comparing(30))
	if got.Rows != int64(id) || got.Failed != 0 || got.Clamped == 0 || len(got.Differences) != 0 {
		t.Errorf("of equal tables of %d rows: got %+v", id, got)
	}
	for _, change := range changes {
		change()
	}
	wantDifferences(t, s.compare(s.comparing(30)), want...)
}
