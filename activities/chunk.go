package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/chferry/chferry"
)

// chunk is a part of a batch that is read and inserted at once.
type chunk struct {
	first, last int // operations of the batch, last not included
	groups      map[string]*group
	coalesced   int64
	failed      []chferry.FailedOperation
}

// group is the operations of a chunk that are on rows of one database. No two are on the same row.
type group struct {
	table chferry.Table
	keys  []chferry.Vector // a vector for each column of the primary key
	ops   []chferry.Operation
}

// databases returns the aliases of the groups, sorted so that a chunk gives the same block whenever it is built.
func (c *chunk) databases() []string { return slices.Sorted(maps.Keys(c.groups)) }

// cutter cuts the operations of a batch into chunks. Operations on a row that the batch had already are left out: the row is
// read after all of them were registered.
type cutter struct {
	plan Plan
	size int
	seen map[string]struct{}
	next *chunk
	buf  []byte
}

func newCutter(plan Plan, size int) *cutter {
	c := &cutter{plan: plan, size: size, seen: map[string]struct{}{}}
	c.next = &chunk{groups: map[string]*group{}}
	return c
}

// add adds operations and calls full with each chunk that they complete.
func (c *cutter) add(ops []chferry.Operation, full func(*chunk) error) error {
	for _, op := range ops {
		c.addOne(op)
		if c.next.last-c.next.first == c.size {
			if err := c.flush(full); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush calls full with the chunk begun, if it has any operation.
func (c *cutter) flush(full func(*chunk) error) error {
	done := c.next
	if done.first == done.last {
		return nil
	}
	c.next = &chunk{first: done.last, last: done.last, groups: map[string]*group{}}
	return full(done)
}

func (c *cutter) addOne(op chferry.Operation) {
	c.next.last++
	database, err := c.plan.Import.Database(op.Database)
	if err != nil {
		c.fail(op, fmt.Sprintf("the import has no such database (it has %v)", c.plan.Import.Databases))
		return
	}
	g := c.group(database)
	n := len(g.ops)
	if err := chferry.AppendPrimaryKey(g.keys, op.PrimaryKey); err != nil {
		c.fail(op, c.plan.Import.Table+": "+err.Error())
		return
	}
	c.buf = append(c.buf[:0], 'k')
	c.buf = append(append(c.buf, database...), 0)
	for i := range g.keys {
		c.buf = g.keys[i].AppendKey(c.buf, n)
	}
	if c.repeated() {
		for i := range g.keys {
			g.keys[i].Truncate(n)
		}
		return
	}
	g.ops = append(g.ops, op)
}

// fail sets an operation aside, once for each primary key as it was registered.
func (c *cutter) fail(op chferry.Operation, reason string) {
	c.buf = append(c.buf[:0], 'f')
	c.buf = fmt.Appendf(c.buf, "%q %q", op.Database, op.PrimaryKey)
	if !c.repeated() {
		c.next.failed = append(c.next.failed, chferry.FailedOperation{Operation: op, Reason: reason})
	}
}

// repeated tells whether the batch has had what buf identifies, and counts it as coalesced if so.
func (c *cutter) repeated() bool {
	if _, ok := c.seen[string(c.buf)]; ok {
		c.next.coalesced++
		return true
	}
	c.seen[string(c.buf)] = struct{}{}
	return false
}

func (c *cutter) group(database string) *group {
	g, ok := c.next.groups[database]
	if !ok {
		table := c.plan.Tables[database]
		g = &group{table: table, keys: newKeys(table.KeyTypes())}
		c.next.groups[database] = g
	}
	return g
}

func newKeys(types []chferry.Type) []chferry.Vector {
	keys := make([]chferry.Vector, len(types))
	for i, t := range types {
		keys[i].Type = t
	}
	return keys
}

// block is what a chunk becomes.
type block struct {
	chferry.Block
	chunk *chunk
	rows  []bool              // for each row: whether the source had it; else it is a delete
	ops   []chferry.Operation // for each row: an operation that asked for it
	unfit []chferry.FailedOperation
}

// read reads the rows of a chunk and makes them a block.
func (a *Activities) read(ctx context.Context, plan Plan, c *chunk, version uint64) (*block, error) {
	b := &block{chunk: c}
	for _, database := range c.databases() {
		g := c.groups[database]
		if len(g.ops) == 0 {
			continue
		}
		rows, err := a.Sources[database].Fetch(ctx, g.table, g.keys)
		if err != nil {
			return nil, err
		}
		b.append(plan, database, g, rows, version)
	}
	return b, nil
}

// append appends the rows of one database, and deletes for those of its keys that have no row. A row that the source has
// and can't give is neither: its operation is set aside.
func (b *block) append(plan Plan, database string, g *group, rows chferry.Rows, version uint64) {
	found := make([]bool, len(g.ops))
	for _, key := range rows.Key {
		found[key] = true
		b.rows, b.ops = append(b.rows, true), append(b.ops, g.ops[key])
	}
	for _, u := range rows.Unfit {
		found[u.Key] = true
		b.unfit = append(b.unfit, chferry.FailedOperation{Operation: g.ops[u.Key], Reason: u.Reason})
	}
	missing := newKeys(g.table.KeyTypes())
	for key, ok := range found {
		if ok {
			continue
		}
		for i := range missing {
			missing[i].AppendFrom(&g.keys[i], key)
		}
		b.rows, b.ops = append(b.rows, false), append(b.ops, g.ops[key])
	}
	made := plan.block(g.table, rows, missing, version)
	if plan.Import.DatabaseColumn != "" {
		addConstant(&made, plan.databaseColumn(), database)
	}
	if b.Columns == nil {
		b.Block = made
	} else {
		b.Append(&made)
	}
}

func addConstant(b *chferry.Block, column chferry.Column, value string) {
	v := chferry.Vector{Type: column.Type}
	for range b.Rows() {
		v.AppendData([]byte(value))
	}
	b.Columns = append(slices.Clone(b.Columns), column)
	b.Vectors = append(b.Vectors, v)
}
