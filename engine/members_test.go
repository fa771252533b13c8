package engine_test

import (
	"fmt"
	"strings"

	"github.com/chferry/chferry/rowset"
)

// members is a table whose primary key (id, team) is neither at its start nor in the order of its columns.
func members() rowset.Table {
	column := func(name string, t rowset.Type) rowset.Column {
		return rowset.Column{Name: name, Destination: name, Type: t}
	}
	return rowset.Table{
		Name: "public.members",
		Columns: []rowset.Column{
			column("team", rowset.Type{Kind: rowset.String}),
			column("note", rowset.Type{Kind: rowset.String, Nullable: true}),
			column("id", rowset.Type{Kind: rowset.Int64}),
			column("joined", rowset.Type{Kind: rowset.Date}),
			column("uid", rowset.Type{Kind: rowset.UUID}),
		},
		PrimaryKey: []int{2, 0},
	}
}

func appendMember(b *rowset.Block, team, note string, id int64) {
	b.Vectors[0].AppendData([]byte(team))
	b.Vectors[1].AppendData([]byte(note))
	b.Vectors[2].AppendInt(id)
	b.Vectors[3].AppendInt(3)
	b.Vectors[4].AppendData([]byte(strings.Repeat("\x11", 16)))
}

// missing returns the vectors of keys (id, team).
func missing(table rowset.Table, keys ...[2]string) []rowset.Vector {
	vectors := make([]rowset.Vector, 2)
	for i, t := range table.KeyTypes() {
		vectors[i].Type = t
	}
	for _, k := range keys {
		if err := rowset.AppendPrimaryKey(vectors, k[:]); err != nil {
			panic(err)
		}
	}
	return vectors
}

// render returns a line with the columns' names, then one for each row.
func render(b rowset.Block) []string {
	var names []string
	for _, c := range b.Columns {
		names = append(names, c.Destination)
	}
	lines := []string{strings.Join(names, " ")}
	for r := range b.Rows() {
		var values []string
		for c := range b.Vectors {
			values = append(values, value(&b.Vectors[c], r))
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return lines
}

func value(v *rowset.Vector, row int) string {
	switch {
	case v.IsNull(row):
		return "NULL"
	case v.Type.Kind == rowset.String:
		return string(v.At(row))
	case v.Type.Kind == rowset.UUID:
		return fmt.Sprintf("%x", v.At(row))
	default:
		return fmt.Sprint(uint64(v.Ints[row]))
	}
}
