package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// TestNestedNames refuses what ClickHouse makes of dotted names of arrays, and syncs all other names with dots.
func TestNestedNames(t *testing.T) { onServers(t, testNestedNames) }

func testNestedNames(t *testing.T, s *server) {
	texts, numbers := arrayOf(rowset.String, 1), arrayOf(rowset.Int32, 1)
	for name, test := range map[string]struct {
		columns []rowset.Column
		want    []string // empty: let through
	}{
		"two": {
			[]rowset.Column{column("lines.sku", texts), column("lines.qty", numbers)},
			[]string{`"lines.sku"`, `"lines.qty"`, "columns.rename", "lines_qty"},
		},
		"deeper": {
			[]rowset.Column{column("q.d.e", numbers), column("q.g", arrayOf(rowset.Int32, 2))},
			[]string{`"q.d.e"`, `"q.g"`},
		},
		"below": {
			[]rowset.Column{column("id.tags", texts)},
			[]string{`"id.tags"`, `"id"`, "columns.rename", "id_tags"},
		},
		"array": {[]rowset.Column{column("n", numbers), column("n.x", numbers)}, []string{`"n.x"`, `"n"`}},
		"single": {[]rowset.Column{
			column("one.x", texts), column("One.y", texts), column(".a", texts),
			column(".b", numbers),
		}, nil},
		"scalars": {[]rowset.Column{column("id.text", stringType), column("id.more", stringType)}, nil},
		"streams": {[]rowset.Column{
			column("a", nullable(stringType)), column("a.null", stringType), column("b", numbers),
			column("b.size0", stringType),
		}, nil},
		"in_table": {[]rowset.Column{column("extra.x", texts)}, []string{`"extra.x"`, `"extra"`}},
	} {
		if name == "in_table" {
			s.exec(t, "CREATE TABLE "+s.database+".in_table (id Int64, extra String, `extra.x` "+
				"Array(Nullable(String)), _version UInt64, _is_deleted UInt8)"+
				" ENGINE = ReplacingMergeTree(_version) ORDER BY id")
		}
		d := destination(name, []string{"id"}, append([]rowset.Column{column("id", int64Type)}, test.columns...)...)
		_, err := s.Missing(t.Context(), d)
		for _, want := range test.want {
			if chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want it refused with %q", name, err, want)
			}
		}
		if len(test.want) == 0 {
			s.wantDottedRow(t, d)
		}
	}
}

// wantDottedRow inserts a row whose arrays have one, two, … elements and whose texts are their columns' names.
func (s *server) wantDottedRow(t *testing.T, d sink.Destination) {
	t.Helper()
	s.create(t, d)
	elements := 0
	var want []string
	s.insert(t, d, rowsOf(d, 1, 1, func(_ int, v []rowset.Vector) {
		for i := range v {
			name := d.Columns[i+1].Destination
			if v[i].Type.Kind != rowset.Array {
				v[i].AppendData([]byte(name))
				want = append(want, "toString(`"+name+"`) = '"+name+"'")
				continue
			}
			elements++
			for range elements {
				v[i].Elements().AppendDefault()
			}
			v[i].Ends = append(v[i].Ends, elements)
			want = append(want, "length(`"+name+"`) = "+string(rune('0'+elements)))
		}
	}))
	if got := s.value(t, "SELECT toString(count()) FROM "+s.database+"."+d.Table+"_current WHERE "+
		strings.Join(want, " AND ")); got != "1" {
		t.Errorf("%s: the row is not as it was inserted: %s", d.Table, strings.Join(want, ", "))
	}
}
