package transfer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// chunk is a part of a batch that is read and inserted at once, unless its rows are large: operations of a group from first up
// to last, not included.
type chunk struct {
	*group
	first, last int
	token       string // the same for these keys of this batch whenever they are inserted, and no others'
}

func (c *chunk) len() int { return c.last - c.first }

// tokenOf names keys of the chunk. How many are in a block depends on how large their rows are, which may have changed when
// the next attempt reads them.
func (c *chunk) tokenOf(begun, done int) string {
	if begun == 0 && done == c.len() {
		return c.token
	}
	return fmt.Sprintf("%s/%d-%d", c.token, begun, done)
}

// slice returns the keys of the chunk's operations from first up to last, not included.
func (c *chunk) slice(first, last int) keyList { return c.keys.slice(c.first+first, c.first+last) }

// window is a part of a batch that is brought into the order of its keys.
type window struct {
	first, last int // operations of the batch, last not included
	groups      map[string]*group
	coalesced   int64
	failed      []chferry.FailedOperation // operations without a row
	putBack     []chferry.Operation       // operations of databases that are away, counted as coalesced
}

// cutter cuts the operations of a batch into chunks. Operations on a row that the batch had already are left out: the row is
// read after all of them were registered.
//
// A batch in the order of its keys is cut as it comes. From where it is in no order, the rest of it is one window, which is sorted: the
// rows of a chunk would be strewn over the table otherwise.
type cutter struct {
	plan   Plan
	batch  chferry.Batch
	size   int // operations of a window
	next   *window
	had    map[string][]keyList // by database, the keys of each window before the next
	failed map[string]bool      // operations without a row, or of a database that is away, as they were registered
	ask    askKeys              // nil: every key is read here
}

func newCutter(plan Plan, batch chferry.Batch) *cutter {
	return &cutter{
		plan: plan, batch: batch, size: batch.ChunkSize,
		next: &window{groups: map[string]*group{}}, had: map[string][]keyList{}, failed: map[string]bool{},
	}
}

// add adds operations and calls full with each window that they complete.
func (c *cutter) add(ops []chferry.Operation, full func(*window) error) error {
	var asked []source.ReadKey // from the first operation on whose key its source has to read
	for i, op := range ops {
		if g := c.addOne(op); g != nil {
			var err error
			if asked == nil {
				if asked, err = c.readKeys(ops[i:]); err != nil {
					return err
				}
			}
			c.addRead(g, op, asked[0])
			asked = asked[1:]
		}
		if c.next.last-c.next.first < c.size {
			continue
		}
		if !c.next.inOrder() {
			c.size = c.batch.Count // flush has the last
			continue
		}
		if err := c.flush(full); err != nil {
			return err
		}
	}
	return nil
}

// flush calls full with the window begun, if it has any operation.
func (c *cutter) flush(full func(*window) error) error {
	done := c.next
	if done.first == done.last {
		return nil
	}
	for database, g := range done.groups {
		done.coalesced += g.arrange(c.had[database])
		c.had[database] = append(c.had[database], g.keys)
	}
	c.next = &window{first: done.last, last: done.last, groups: map[string]*group{}}
	return full(done)
}

// chunks returns the chunks of a window.
func (c *cutter) chunks(w *window) []*chunk {
	var all []*chunk
	token := fmt.Sprintf("%s/%d/%d-%d", c.plan.Import.Key, c.batch.Version, w.first, w.last)
	for _, database := range slices.Sorted(maps.Keys(w.groups)) {
		g := w.groups[database]
		for first := 0; first < g.ops.len(); first += c.batch.ChunkSize {
			part := &chunk{group: g, first: first, last: min(first+c.batch.ChunkSize, g.ops.len()), token: token}
			if len(all) > 0 {
				part.token += fmt.Sprintf("+%d", len(all))
			}
			all = append(all, part)
		}
	}
	return all
}

// addOne adds an operation, unless its source has to read its key: then it returns the group that the operation belongs to.
func (c *cutter) addOne(op chferry.Operation) (unread *group) {
	c.next.last++
	database, err := c.plan.Import.Database(op.Database)
	if err != nil {
		c.fail(op, fmt.Sprintf("the import has no such database (it has %v)", c.plan.Import.Databases))
		return nil
	}
	if c.plan.away[database] != "" {
		c.leave(op)
		return nil
	}
	g := c.group(database)
	reading, err := g.read(op.PrimaryKey, c.ask != nil)
	switch {
	case err != nil:
		c.fail(op, c.plan.Import.Table+": "+err.Error())
	case reading == bySource:
		return g
	default:
		g.ops.append(op)
	}
	return nil
}

// fail sets an operation aside, once for each primary key as it was registered.
func (c *cutter) fail(op chferry.Operation, reason string) {
	if c.again(op) {
		c.next.coalesced++
		return
	}
	c.next.failed = append(c.next.failed, chferry.FailedOperation{Operation: op, Reason: reason})
}

// leave leaves an operation to a later batch. It is coalesced with the one that takes its place there.
func (c *cutter) leave(op chferry.Operation) {
	c.next.coalesced++
	if !c.again(op) {
		c.next.putBack = append(c.next.putBack, op)
	}
}

// again tells whether an operation without a row was met before, by the primary key as it was registered.
func (c *cutter) again(op chferry.Operation) bool {
	as := fmt.Sprintf("%q %q", op.Database, op.PrimaryKey)
	known := c.failed[as]
	c.failed[as] = true
	return known
}

func (c *cutter) group(database string) *group {
	g, ok := c.next.groups[database]
	if !ok {
		table := c.plan.Tables[database]
		g = &group{
			database: database, table: table, readBySource: table.KeyReadBySource(), keys: newKeyList(table.KeyTypes()), ops: newOpList(c.size),
		}
		c.next.groups[database] = g
	}
	return g
}

// inOrder tells whether the operations came in the order of their keys.
func (w *window) inOrder() bool {
	for _, g := range w.groups {
		if !g.keys.inOrder() {
			return false
		}
	}
	return true
}
