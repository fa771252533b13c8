package transfer

import (
	"context"
	"fmt"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
)

// A look at a suspect begins when its row is seen in the destination and, behind that, in the
// source. Once the queue has passed everything that was registered until then, both are read again,
// in the same order. If neither has changed, nothing that was registered could have made them equal:
// the row differs. Version and values of the destination are compared, because a row may change and
// change back. All that counts is what happened between the two readings: a sync that was on its way
// when the look began has ended.

// sight is what was seen of a key.
type sight struct {
	whole rowState // in the destination, with the version
	row   rowState // in the source, as the destination should have it
}

// rowState is a row by its hash.
type rowState struct {
	is   presence
	hash uint64
}

type presence uint8

const (
	absent       presence = iota
	present               // with a hash
	incomparable          // a row that can't be imported
)

// see looks at keys on both sides.
func (c *comparison) see(ctx context.Context, keys keyList) ([]sight, error) {
	whole, err := c.inSink(ctx, c.whole, keys)
	if err != nil {
		return nil, err
	}
	rows, err := c.inSource(ctx, keys)
	if err != nil {
		return nil, err
	}
	seen := make([]sight, keys.len())
	for i := range seen {
		seen[i] = sight{whole[i], rows[i]}
	}
	return seen, nil
}

// inSink returns what the destination has of each key.
func (c *comparison) inSink(ctx context.Context, what sink.Selection, keys keyList) ([]rowState, error) {
	asked := rowset.Block{Columns: source.NewKeyBlock(c.table, len(keys)).Columns, Vectors: keys}
	found, err := c.reader.Find(ctx, what, asked)
	if err != nil {
		return nil, fmt.Errorf("look at rows of %s again: %w", c.Plan.Destination.Table, err)
	}
	hashes := make(map[string]uint64, found.Keys.Rows())
	for row := range found.Keys.Rows() {
		hashes[keyText(found.Keys, row, nil)] = found.Hashes[row]
	}
	states := make([]rowState, keys.len())
	for i := range states {
		if hash, has := hashes[keyText(asked, i, nil)]; has {
			states[i] = rowState{present, hash}
		}
	}
	return states, nil
}

// inSource returns what the destination should have of each key. A row that has an equal key of
// another text has another one in the destination.
func (c *comparison) inSource(ctx context.Context, keys keyList) ([]rowState, error) {
	states := make([]rowState, keys.len())
	rows := fetcher{source: c.Plan.sources[c.Database], table: c.table, pace: newPace(c.table.Columns)}
	for rest := states; len(rest) > 0; {
		found, n, err := rows.fetch(ctx, keys)
		if err != nil {
			return nil, fmt.Errorf("look at rows of %s again: %w", c.table.Name, err)
		}
		if err := c.hashFound(ctx, found, keys, rest); err != nil {
			return nil, err
		}
		keys, rest = keys.slice(n, keys.len()), rest[n:]
	}
	return states, nil
}

func (c *comparison) hashFound(ctx context.Context, found rowset.Rows, keys keyList, states []rowState) error {
	for _, u := range found.Unfit {
		states[u.Key].is = incomparable
	}
	if found.Rows() == 0 {
		return nil
	}
	block := c.Plan.block(c.Database, found, nil, 0)
	expected, err := c.reader.Hash(ctx, c.rows, block)
	if err != nil {
		return fmt.Errorf("hash rows of %s: %w", c.table.Name, err)
	}
	own, hashes, rejected := c.keysOf(block), expected.Hashes, expected.Rejected
	for row, key := range found.Key {
		state := rowState{is: incomparable}
		if len(rejected) > 0 && rejected[0].Row == row {
			rejected = rejected[1:]
		} else {
			state, hashes = rowState{present, hashes[0]}, hashes[1:]
		}
		if own.compare(row, keys, key) == 0 {
			states[key] = state
		}
	}
	return nil
}

// look looks at suspects again. Those of which nothing is known for sure wait once more.
func (t *tracker) look(ctx context.Context, passed []*suspects) error {
	keys := newKeyList(t.table.KeyTypes())
	for _, s := range passed {
		for c := range keys {
			for i := range s.keys.len() {
				keys[c].AppendFrom(&s.keys[c], i)
			}
		}
	}
	rows, err := t.inSink(ctx, t.rows, keys)
	if err != nil {
		return err
	}
	seen, err := t.see(ctx, keys)
	if err != nil {
		return err
	}
	v := verdicts{tracker: t}
	for _, s := range passed {
		n := s.keys.len()
		v.judge(s, rows[:n], seen[:n])
		rows, seen = rows[n:], seen[n:]
		s.page.open -= n
		t.open -= n
	}
	for _, again := range v.again {
		t.wait(again.page, again.keys, again.seen, again.looks)
	}
	return v.report(ctx)
}

// verdicts are what a look found.
type verdicts struct {
	*tracker
	found []differing
	again []*suspects
}

// differing is a row that differs.
type differing struct {
	page *openPage
	kind storage.DifferenceKind
	key  keyList // of the row alone
}

// judge compares what the two readings of a look gave.
func (v *verdicts) judge(s *suspects, rows []rowState, seen []sight) {
	again := &suspects{page: s.page, keys: newKeyList(v.table.KeyTypes()), looks: s.looks + 1}
	for i, now := range seen {
		switch {
		case now.row.is == incomparable:
			s.page.compared.Failed++
		case now.row == rows[i]: // they are equal now
		case now == s.seen[i] && (again.looks > 1 || len(v.Plan.Import.Databases) == 1):
			// Of several databases one may have been away at the look, and its operations were put back behind the
			// position: only a second look waits for those.
			v.found = append(v.found, differing{s.page, kindOf(now.row, rows[i]), s.keys.slice(i, i+1)})
		case again.looks == mostLooks:
			s.page.compared.Failed++
			s.page.compared.Moving++
		default:
			again.keys.appendFrom(s.keys, i)
			again.seen = append(again.seen, now)
		}
	}
	v.again = append(v.again, again)
}

func kindOf(source, destination rowState) storage.DifferenceKind {
	switch {
	case source.is == absent:
		return storage.Surplus
	case destination.is == absent:
		return storage.Missing
	default:
		return storage.Stale
	}
}

// report registers and counts the rows that differ, but for those whose operations were set aside.
func (v *verdicts) report(ctx context.Context) error {
	if len(v.found) == 0 {
		return nil
	}
	setAside, err := v.setAside(ctx)
	if err != nil {
		return err
	}
	var ops []chferry.Operation
	for i, f := range v.found {
		compared := &f.page.compared
		if setAside[i] {
			compared.Failed++
			continue
		}
		key := make(chferry.PrimaryKey, len(f.key))
		for c := range key {
			key[c] = f.key[c].KeyText(0)
		}
		compared.differ(storage.Difference{Kind: f.kind, Database: v.Database, PrimaryKey: key})
		if v.Repair && key.Validate() == nil { // what nobody can name, nobody can register
			ops = append(ops, chferry.Operation{Kind: repairs[f.kind], Database: v.Database, PrimaryKey: key})
			compared.Registered++
		}
	}
	if err := v.register(ctx, v.Plan.Import.Key, ops); err != nil {
		return fmt.Errorf("register the rows that differ: %w", err)
	}
	return nil
}

// repairs are the operations that mend differences.
var repairs = map[storage.DifferenceKind]chferry.Kind{
	storage.Missing: chferry.Update, storage.Stale: chferry.Update, storage.Surplus: chferry.Delete,
}

// differ counts a difference, and keeps it.
func (c *Compared) differ(d storage.Difference) {
	switch d.Kind {
	case storage.Missing:
		c.Missing++
	case storage.Stale:
		c.Stale++
	case storage.Surplus:
		c.Surplus++
	}
	if len(c.Differences) < storage.MaxDifferences {
		c.Differences = append(c.Differences, d)
	}
}

// setAside reports for each row that differs whether its operation was set aside.
func (v *verdicts) setAside(ctx context.Context) (map[int]bool, error) {
	rows := make(map[string]int, len(v.found))
	for i, f := range v.found {
		rows[keyText(rowset.Block{Vectors: f.key}, 0, nil)] = i
	}
	cutter := newCutter(v.Plan, chferry.Batch{})
	cutter.ask = func(database string, table rowset.Table, keys []chferry.PrimaryKey) ([]source.ReadKey, error) {
		return v.Plan.sources[database].ReadKeys(ctx, table, keys)
	}
	setAside := map[int]bool{}
	for page, err := range v.Queue.FailedOperations(ctx, v.Plan.Import.Key) {
		if err != nil {
			return nil, err
		}
		var ops []chferry.Operation
		for _, f := range page {
			if database, err := v.Plan.Import.Database(f.Database); err == nil && database == v.Database {
				ops = append(ops, f.Operation)
			}
		}
		keys, err := cutter.keysOf(ops)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			if k.list == nil {
				continue
			}
			if i, differs := rows[keyText(rowset.Block{Vectors: k.list}, 0, nil)]; differs {
				setAside[i] = true
			}
		}
	}
	return setAside, nil
}
