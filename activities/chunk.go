package activities

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chferry/chferry"
)

// chunk is a part of a batch that is read and inserted at once, unless its rows are large.
type chunk struct {
	first, last int // operations of the batch, last not included
	groups      map[string]*group
	coalesced   int64
	failed      []chferry.FailedOperation // operations without a row
}

// group is the operations of a chunk that are on rows of one database. No two are on the same row, and they are in the order of
// their keys, in which rows lie near each other on both sides.
type group struct {
	table chferry.Table
	keys  []chferry.Vector // a vector for each column of the primary key
	ops   opList
}

// databases returns the aliases of the groups, sorted so that a chunk gives the same block whenever it is built.
func (c *chunk) databases() []string { return slices.Sorted(maps.Keys(c.groups)) }

// cutter cuts the operations of a batch into chunks. Operations on a row that the batch had already are left out: the row is
// read after all of them were registered.
type cutter struct {
	plan Plan
	size int
	seen *keySet
	next *chunk
	buf  []byte
}

func newCutter(plan Plan, ticket Ticket) *cutter {
	c := &cutter{plan: plan, size: ticket.ChunkSize, seen: newKeySet(ticket.Operations)}
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
	for _, g := range done.groups {
		g.sort()
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
	n := g.ops.len()
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
	g.ops.append(op)
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
	if c.seen.add(c.buf) {
		return false
	}
	c.next.coalesced++
	return true
}

func (c *cutter) group(database string) *group {
	g, ok := c.next.groups[database]
	if !ok {
		table := c.plan.Tables[database]
		g = &group{table: table, keys: newKeys(table.KeyTypes()), ops: newOpList(c.size)}
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

// sort brings the operations into the order of their keys.
func (g *group) sort() {
	order := make([]int, g.ops.len())
	for i := range order {
		order[i] = i
	}
	compare := func(a, b int) int {
		for i := range g.keys {
			if c := g.keys[i].Compare(a, b); c != 0 {
				return c
			}
		}
		return 0
	}
	if slices.IsSortedFunc(order, compare) {
		return
	}
	slices.SortFunc(order, compare)
	keys, ops := newKeys(g.table.KeyTypes()), newOpList(len(order))
	for _, from := range order {
		ops.appendFrom(&g.ops, from)
		for i := range keys {
			keys[i].AppendFrom(&g.keys[i], from)
		}
	}
	g.keys, g.ops = keys, ops
}

// slice returns the keys of operations from first up to last, not included.
func (g *group) slice(first, last int) []chferry.Vector {
	keys := make([]chferry.Vector, len(g.keys))
	for i := range keys {
		keys[i] = g.keys[i].Slice(first, last)
	}
	return keys
}
