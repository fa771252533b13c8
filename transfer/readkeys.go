package transfer

import (
	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// A source knows more notations of a value than are known here, and reads some of them differently:
// PostgreSQL ignores the time zone in a text that is read as a timestamp without one. Keys in the
// notations that mean the same everywhere are read here, which costs next to nothing. All others of
// a page of operations are sent to their source at once.

// askKeys reads primary keys of a table as its database reads them.
type askKeys func(database string, table rowset.Table, keys []chferry.PrimaryKey) ([]source.ReadKey, error)

// keyReading is who reads a key.
type keyReading bool

const (
	here     keyReading = false
	bySource keyReading = true
)

// read appends a primary key to the share's keys, unless the source has to read it.
func (s *share) read(pk chferry.PrimaryKey, canAsk bool) (keyReading, error) {
	if len(pk) != len(s.keys) || !canAsk {
		return here, rowset.AppendPrimaryKey(s.keys, pk)
	}
	if !s.readBySource && s.table.AppendPlainKey(s.keys, pk) {
		return here, nil
	}
	if bad := noKey(s.table, pk); bad >= 0 {
		return here, rowset.UnreadableKey(s.table, bad)
	}
	return bySource, nil
}

// noKey returns the index of the first value that no source would read; -1 if there is none.
func noKey(table rowset.Table, pk chferry.PrimaryKey) int {
	for i, c := range table.PrimaryKey {
		if !table.Columns[c].Type.Kind.MayBeKey(pk[i]) {
			return i
		}
	}
	return -1
}

// readKeys has the sources read the keys of those operations that [cutter.addOne] leaves to them,
// and returns what they read, in the operations' order.
func (c *cutter) readKeys(ops []chferry.Operation) ([]source.ReadKey, error) {
	var unread []string // the database of each operation
	keys, scratch := map[string][]chferry.PrimaryKey{}, map[string]*share{}
	for _, op := range ops {
		database, err := c.plan.Import.Database(op.Database)
		if err != nil || c.plan.away[database] != "" {
			continue
		}
		s, ok := scratch[database]
		if !ok {
			table := c.plan.Tables[database]
			s = &share{table: table, readBySource: table.KeyReadBySource(), keys: newKeyList(table.KeyTypes())}
			scratch[database] = s
		}
		if reading, err := s.read(op.PrimaryKey, true); err == nil && reading == bySource {
			unread = append(unread, database)
			keys[database] = append(keys[database], op.PrimaryKey)
		}
		for i := range s.keys {
			s.keys[i].Truncate(0)
		}
	}
	read := map[string][]source.ReadKey{}
	for database, list := range keys {
		var err error
		if read[database], err = c.ask(database, c.plan.Tables[database], list); err != nil {
			return nil, err
		}
	}
	inOrder := make([]source.ReadKey, len(unread))
	for i, database := range unread {
		inOrder[i], read[database] = read[database][0], read[database][1:]
	}
	return inOrder, nil
}

// addRead adds an operation whose key its source has read. From now on the operation names its row as the source does.
func (c *cutter) addRead(s *share, op chferry.Operation, read source.ReadKey) {
	var err error
	switch {
	case read.Key != nil:
		err = rowset.AppendPrimaryKey(s.keys, read.Key)
	case read.Cut:
		err = rowset.CutKey(s.table, read.Unreadable)
	default:
		err = rowset.UnreadableKey(s.table, read.Unreadable)
	}
	if err != nil {
		c.fail(op, c.plan.Import.Table+": "+err.Error())
		return
	}
	if read.Key.Validate() == nil { // what the database writes may be too long to be registered again
		op.PrimaryKey = read.Key
	}
	s.ops.append(op)
}
