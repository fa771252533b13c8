package clickhouse_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink/clickhouse"
)

// TestTypesInTheDocs compares the types that are created with the table in docs/types.md.
func TestTypesInTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/types.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "## Columns that `apply` creates\n")
	table, _, _ := strings.Cut(rest, "\n\n")
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")[1:]
		for kind := range strings.SplitSeq(strings.TrimSpace(cells[0]), ", ") {
			rows[kind] = cells
		}
	}
	general := strings.NewReplacer("12, 2", "p, s", "Int32", "T")
	for kind := rowset.Bool; kind <= rowset.Array; kind++ {
		of := rowset.Type{Kind: kind, Precision: 12, Scale: 2}
		if kind == rowset.Array {
			of = arrayOf(rowset.Int32, 1)
		}
		cells, ok := rows[kind.String()]
		if !ok {
			t.Errorf("the docs have no row for %s", kind)
			continue
		}
		for cell, server := range map[int]string{3: "26.3", 4: "18.16.1"} {
			sql, err := clickhouse.CreateTable(server, destination("t", []string{"c"}, column("c", of)))
			if err != nil {
				t.Fatal(err)
			}
			_, sql, _ = strings.Cut(sql, "`c` ")
			want, _, _ := strings.Cut(sql, ",\n")
			if kind == rowset.Decimal || kind == rowset.Array {
				want = general.Replace(want)
			}
			text := cells[cell]
			if cell == 4 && !strings.Contains(text, "`") || kind == rowset.Decimal { // as in the cell before
				text = cells[3]
			}
			if !strings.Contains(text, "`"+want+"`") {
				t.Errorf("%s on %s becomes %s, the docs say %s", kind, server, want, text)
			}
		}
	}
}
