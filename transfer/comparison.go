package transfer

import (
	"context"
	"fmt"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// comparison is the comparison of one range.
type comparison struct {
	*Compare
	source source.Ranger
	table  rowset.Table
	reader sink.Reader
	rows   sink.Selection // with the hash of what is compared
	keys   sink.Selection // without a hash
	whole  sink.Selection // with a hash that changes whenever the row is inserted again
	pages  *pager
	work   CompareWork
	number int64 // of the next page
}

func (c *Compare) comparison(from source.Ranger, r source.Range, work CompareWork) (*comparison, error) {
	reader, err := c.sinkReader()
	if err != nil {
		return nil, err
	}
	table := c.Plan.Tables[c.Database]
	keys := c.Plan.selection(c.Database)
	rows, whole := keys, keys
	for _, column := range c.Plan.columns {
		rows.Hashed = append(rows.Hashed, column.Destination)
	}
	whole.Hashed = append(slices.Clone(rows.Hashed), c.Plan.engine.Layout().Version)
	return &comparison{
		Compare: c, source: from, table: table, reader: reader, rows: rows, keys: keys, whole: whole, work: work,
		pages: newPager(from, table, source.Scan{Range: r, Where: c.Where}, c.Pace, work),
	}, nil
}

// fits returns an error if the range was cut for a table with keys of another order.
func (c *comparison) fits(ctx context.Context) error {
	passes, err := c.Passes(ctx, c.Plan, c.Database, c.Where)
	if err != nil || slices.Contains(passes, c.Pass) {
		return err
	}
	return chferry.Errorf(chferry.CodeSchemaMismatch,
		"import key %s: the primary key of %s was changed since the comparison began: begin it anew",
		c.Plan.Import.Key, c.table.Name)
}

// compare compares page by page and calls emit with what it finds.
func (c *comparison) compare(ctx context.Context, emit func(finding) error) error {
	switch c.Pass {
	case PassBoth:
		return c.compareRanges(ctx, emit)
	case PassSource:
		return c.lookUpInSink(ctx, emit)
	default:
		return c.lookUpInSource(ctx, emit)
	}
}

// next numbers a page.
func (c *comparison) next() int64 {
	c.number++
	return c.number
}

func (p *Pipeline) sinkReader() (sink.Reader, error) {
	reader, ok := p.Sink.(sink.Reader)
	if !ok {
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"the destination can't be read, so nothing can be compared")
	}
	return reader, nil
}

// selection is of the rows of one database, by their primary keys.
func (p *Plan) selection(database string) sink.Selection {
	s := sink.Selection{Destination: p.Destination, Key: p.Tables[database].KeyDestinations()}
	if p.Import.DatabaseColumn != "" {
		s.Only = rowset.NewBlock([]rowset.Column{p.databaseColumn()})
		s.Only.Vectors[0].AppendData([]byte(database))
	}
	return s
}

// Passes returns the passes in which a database's table is compared: [PassBoth] alone if the database
// and the sink order its keys alike, or else one pass for each direction. With a where, rows of the
// destination alone are not looked for.
func (p *Pipeline) Passes(ctx context.Context, plan Plan, database, where string) ([]string, error) {
	if where != "" {
		return []string{PassSource}, nil
	}
	reader, err := p.sinkReader()
	if err != nil {
		return nil, err
	}
	table := plan.Tables[database]
	for _, key := range table.PrimaryKey {
		if !table.Columns[key].Ordered {
			return []string{PassSource, PassDestination}, nil
		}
	}
	ordered, err := reader.Ordered(ctx, plan.selection(database))
	if err != nil {
		return nil, fmt.Errorf("ask for the order of %s: %w", plan.Destination.Table, err)
	}
	if ordered {
		return []string{PassBoth}, nil
	}
	return []string{PassSource, PassDestination}, nil
}

// CutToCompare is [Pipeline.Cut] for a comparison: the ranges say in which pass they are compared.
// Together they hold all rows of either side: the last range has no end, and a table without rows
// is one range.
func (p *Pipeline) CutToCompare(ctx context.Context, plan Plan, where string, most int) (cut []storage.Range,
	rows int64, err error,
) {
	all, rows, err := p.Cut(ctx, plan, where, most)
	if err != nil {
		return nil, 0, err
	}
	for _, database := range plan.databases() {
		passes, err := p.Passes(ctx, plan, database, where)
		if err != nil {
			return nil, 0, err
		}
		ranges := slices.DeleteFunc(slices.Clone(all), func(r storage.Range) bool { return r.Database != database })
		for _, pass := range passes {
			cut = append(cut, rangesFor(pass, database, ranges)...)
		}
	}
	return cut, rows, nil
}

// rangesFor returns the ranges of a pass, where the source's rows have these.
func rangesFor(pass, database string, ranges []storage.Range) []storage.Range {
	switch {
	case pass == PassDestination, pass == PassBoth && len(ranges) == 0:
		ranges = []storage.Range{{Database: database}}
	default:
		ranges = slices.Clone(ranges)
	}
	if pass == PassBoth {
		ranges[len(ranges)-1].UpTo = ""
	}
	for i := range ranges {
		ranges[i].Pass = pass
	}
	return ranges
}
