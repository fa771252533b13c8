package transfer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// window is the operations of a batch from first up to last, not included, which are sorted by their keys together.
type window struct {
	first, last int
	shares      map[string]*share // by database
	coalesced   int64
	failed      []chferry.FailedOperation // operations without a row
	putBack     []chferry.Operation       // operations of databases that are away, counted as coalesced
}

// cutter cuts the operations of a batch into windows, and windows into chunks. It leaves out an
// operation on a row that an earlier operation of the batch names, because the row is read after
// both were registered.
//
// While the keys ascend, a window has the size of a chunk. From the first window that is not
// ordered, the rest of the batch is one window: sorted apart, the rows of a chunk would be strewn
// over the table.
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
		next: &window{shares: map[string]*share{}}, had: map[string][]keyList{}, failed: map[string]bool{},
	}
}

// add adds operations and calls full with each window that they complete.
func (c *cutter) add(ops []chferry.Operation, full func(*window) error) error {
	var asked []source.ReadKey // from the first operation on whose key its source has to read
	for i, op := range ops {
		if s := c.addOne(op); s != nil {
			var err error
			if asked == nil {
				if asked, err = c.readKeys(ops[i:]); err != nil {
					return err
				}
			}
			c.addRead(s, op, asked[0])
			asked = asked[1:]
		}
		if c.next.last-c.next.first < c.size {
			continue
		}
		if !c.next.ordered() {
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
	begun := c.next
	if begun.first == begun.last {
		return nil
	}
	for database, s := range begun.shares {
		begun.coalesced += s.arrange(c.had[database])
		c.had[database] = append(c.had[database], s.keys)
	}
	c.next = &window{first: begun.last, last: begun.last, shares: map[string]*share{}}
	return full(begun)
}

// chunks returns the chunks of a window.
func (c *cutter) chunks(w *window) []*chunk {
	var chunks []*chunk
	token := fmt.Sprintf("%s/%d/%d-%d", c.plan.Import.Key, c.batch.Version, w.first, w.last)
	for _, database := range slices.Sorted(maps.Keys(w.shares)) {
		s := w.shares[database]
		for first := 0; first < s.ops.len(); first += c.batch.ChunkSize {
			next := &chunk{share: s, first: first, last: min(first+c.batch.ChunkSize, s.ops.len()), token: token}
			if len(chunks) > 0 {
				next.token += fmt.Sprintf("+%d", len(chunks))
			}
			chunks = append(chunks, next)
		}
	}
	return chunks
}

// addOne adds an operation, unless its source has to read its key: then it returns the share that
// the operation belongs to.
func (c *cutter) addOne(op chferry.Operation) (unread *share) {
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
	s := c.share(database)
	reading, err := s.read(op.PrimaryKey, c.ask != nil)
	switch {
	case err != nil:
		c.fail(op, c.plan.Import.Table+": "+err.Error())
	case reading == bySource:
		return s
	default:
		s.ops.append(op)
	}
	return nil
}

// fail sets an operation aside. It does so once for each text of a primary key.
func (c *cutter) fail(op chferry.Operation, reason string) {
	if c.again(op) {
		c.next.coalesced++
		return
	}
	c.next.failed = append(c.next.failed, chferry.FailedOperation{Operation: op, Reason: reason})
}

// leave leaves an operation to a later batch, in which another operation takes its place. Here it counts as coalesced.
func (c *cutter) leave(op chferry.Operation) {
	c.next.coalesced++
	if !c.again(op) {
		c.next.putBack = append(c.next.putBack, op)
	}
}

// again reports whether it was called before with an operation of the same database and the same
// text of the primary key.
func (c *cutter) again(op chferry.Operation) bool {
	as := fmt.Sprintf("%q %q", op.Database, op.PrimaryKey)
	known := c.failed[as]
	c.failed[as] = true
	return known
}

func (c *cutter) share(database string) *share {
	s, ok := c.next.shares[database]
	if !ok {
		table := c.plan.Tables[database]
		s = &share{
			database: database, table: table, readBySource: table.KeyReadBySource(), keys: newKeyList(table.KeyTypes()),
			ops: newOpList(c.size),
		}
		c.next.shares[database] = s
	}
	return s
}

// ordered reports whether the operations of each share came in the order of their keys.
func (w *window) ordered() bool {
	for _, s := range w.shares {
		if !s.keys.ordered(false) {
			return false
		}
	}
	return true
}
