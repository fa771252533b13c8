package aftercommit

import (
	"iter"
	"slices"
	"time"

	"github.com/chferry/chferry"
)

// Changes are the operations of one transaction, by import key, in the order in which they were
// added. The zero value is useful. Like a transaction, it is not for concurrent use.
type Changes struct {
	// Timeout bounds registering after the commit, with all that is tried again; 0 means [DefaultTimeout].
	Timeout time.Duration

	queues  []queue
	invalid error // of the first change that can't be registered
}

// queue is what changed in one import key.
type queue struct {
	key chferry.ImportKey
	ops []chferry.Operation
}

// Insert notes that rows were inserted, each named by its primary key: a string, an integer, a
// bool, or a [driver.Valuer] or a pointer that gives one, such as a UUID. A composite key is a list
// in the key's order, []any{7, 42} or a [chferry.PrimaryKey]. Other values, times and floats among
// them, have more than one notation: give them as text, as the source writes them.
//
// A key that can't be used is an error of [Changes.Validate], and so of the transaction.
//
// [driver.Valuer]: https://pkg.go.dev/database/sql/driver#Valuer
func (c *Changes) Insert(key chferry.ImportKey, pks ...any) { c.note(key, chferry.Insert, pks) }

// Update notes that rows were updated; see [Changes.Insert]. A primary key that was changed is a
// delete of the old and an insert of the new one.
func (c *Changes) Update(key chferry.ImportKey, pks ...any) { c.note(key, chferry.Update, pks) }

// Delete notes that rows were deleted; see [Changes.Insert].
func (c *Changes) Delete(key chferry.ImportKey, pks ...any) { c.note(key, chferry.Delete, pks) }

func (c *Changes) note(key chferry.ImportKey, kind chferry.Kind, pks []any) {
	for _, value := range pks {
		pk, err := primaryKey(value)
		if err != nil {
			c.refuse(key, err)
			continue
		}
		c.Add(key, chferry.Operation{Kind: kind, PrimaryKey: pk})
	}
}

// Add adds operations, for imports that have several databases.
func (c *Changes) Add(key chferry.ImportKey, ops ...chferry.Operation) {
	if err := key.Validate(); err != nil {
		c.refuse(key, err)
		return
	}
	for _, op := range ops {
		if err := op.Validate(); err != nil {
			c.refuse(key, err)
			continue
		}
		c.keep(key, op)
	}
}

func (c *Changes) keep(key chferry.ImportKey, ops ...chferry.Operation) {
	i := c.find(key)
	if i < 0 {
		i, c.queues = len(c.queues), append(c.queues, queue{key: key})
	}
	c.queues[i].ops = append(c.queues[i].ops, ops...)
}

// find returns where the import key's queue is, -1 if it has none.
func (c *Changes) find(key chferry.ImportKey) int {
	return slices.IndexFunc(c.queues, func(q queue) bool { return q.key == key })
}

// refuse remembers the first error; what comes after it may be its consequence.
func (c *Changes) refuse(key chferry.ImportKey, err error) {
	if c.invalid != nil {
		return
	}
	n := 1
	if i := c.find(key); i >= 0 {
		n += len(c.queues[i].ops)
	}
	c.invalid = chferry.WrapError(chferry.CodeOf(err), err, "change %d of import key %.128s: %s", n, key, err)
}

// Validate returns nil if all changes can be registered, else what is wrong with the first that
// can't, as CodeInvalid: it is named by its position, never by its primary key.
func (c *Changes) Validate() error { return c.invalid }

// Len returns the number of operations.
func (c *Changes) Len() int {
	n := 0
	for _, q := range c.queues {
		n += len(q.ops)
	}
	return n
}

// All yields the operations in the calls in which they are registered: import key by import key, at most
// [chferry.MaxOperations] a call.
func (c *Changes) All() iter.Seq2[chferry.ImportKey, []chferry.Operation] {
	return func(yield func(chferry.ImportKey, []chferry.Operation) bool) {
		for _, q := range c.queues {
			for ops := range slices.Chunk(q.ops, chferry.MaxOperations) {
				if !yield(q.key, ops) {
					return
				}
			}
		}
	}
}

// take returns the changes and leaves none: those of one transaction are not registered with the next.
func (c *Changes) take() *Changes {
	taken := *c
	*c = Changes{Timeout: c.Timeout}
	return &taken
}
