package engine_test

import (
	"fmt"
	"strings"

	"github.com/chferry/chferry"
)

// members is a table whose primary key (id, team) is neither at its start nor in the order of its columns.
func members() chferry.Table {
	column := func(name string, t chferry.Type) chferry.Column {
		return chferry.Column{Name: name, Destination: name, Type: t}
	}
	return chferry.Table{
		Name: "public.members",
		Columns: []chferry.Column{
			column("team", chferry.Type{Kind: chferry.String}),
			column("note", chferry.Type{Kind: chferry.String, Nullable: true}),
			column("id", chferry.Type{Kind: chferry.Int64}),
			column("joined", chferry.Type{Kind: chferry.Date}),
			column("uid", chferry.Type{Kind: chferry.UUID}),
		},
		PrimaryKey: []int{2, 0},
	}
}

func appendMember(b *chferry.Block, team, note string, id int64) {
	b.Vectors[0].AppendData([]byte(team))
	b.Vectors[1].AppendData([]byte(note))
	b.Vectors[2].AppendInt(id)
	b.Vectors[3].AppendInt(3)
	b.Vectors[4].AppendData([]byte(strings.Repeat("\x11", 16)))
}

// missing returns the vectors of keys (id, team).
func missing(table chferry.Table, keys ...[2]string) []chferry.Vector {
	vectors := make([]chferry.Vector, 2)
	for i, t := range table.KeyTypes() {
		vectors[i].Type = t
	}
	for _, k := range keys {
		if err := chferry.AppendPrimaryKey(vectors, k[:]); err != nil {
			panic(err)
		}
	}
	return vectors
}

// render returns a line with the columns' names, then one for each row.
func render(b chferry.Block) []string {
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

func value(v *chferry.Vector, row int) string {
	switch {
	case v.IsNull(row):
		return "NULL"
	case v.Type.Kind == chferry.String:
		return string(v.At(row))
	case v.Type.Kind == chferry.UUID:
		return fmt.Sprintf("%x", v.At(row))
	default:
		return fmt.Sprint(uint64(v.Ints[row]))
	}
}
