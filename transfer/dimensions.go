package transfer

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// Missing returns what the destination lacks: see [sink.Sink]. Arrays get as many dimensions as
// their columns in a table that exists have. PostgreSQL forgets how many an array was declared
// with, in dumps, copies and views, and then says one; where it says more, or columns.cast does,
// that counts.
func (p *Plan) Missing(ctx context.Context, to sink.Sink) ([]sink.Statement, error) {
	for {
		missing, err := to.Missing(ctx, p.Destination)
		var arrays *sink.DimensionsError
		if !errors.As(err, &arrays) || !p.fitArray(arrays.Column, arrays.Dimensions) {
			return missing, err
		}
	}
}

// fitArray gives a column's arrays so many dimensions, unless their number is known.
func (p *Plan) fitArray(destination string, dimensions int) bool {
	found := false
	fit := func(columns []rowset.Column) []rowset.Column {
		columns = slices.Clone(columns)
		for i, c := range columns {
			if c.Destination == destination && c.Type.Kind == rowset.Array && c.Type.Dimensions == 1 && c.Cast == "" &&
				dimensions > 1 {
				columns[i].Type = c.Type.InDimensions(dimensions)
				found = true
			}
		}
		return columns
	}
	p.columns, p.Destination.Columns = fit(p.columns), fit(p.Destination.Columns)
	p.Tables = maps.Clone(p.Tables)
	for alias, table := range p.Tables {
		table.Columns = fit(table.Columns)
		p.Tables[alias] = table
	}
	return found
}
