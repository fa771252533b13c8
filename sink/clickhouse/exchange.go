package clickhouse

import (
	"context"
	"slices"
	"strings"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// Exchange puts the filled table in the place of the other. See [sink.Replacer].
func (c *Client) Exchange(ctx context.Context, d sink.Destination, token, filled string) error {
	b, err := c.tablesBeside(ctx, d, token)
	if err != nil {
		return err
	}
	mark, err := c.markOf(b, filled)
	if err != nil {
		return err
	}
	own := b.marked(newTable, mark)
	switch {
	case b.marked(oldTable, mark) != nil:
		return c.endRenaming(ctx, d, b, mark)
	case own == nil:
		return misfit(b.of, "the new table %s of this job is gone: begin a new job", filled)
	case own.isMoved():
		return c.setAside(ctx, d, token, mark)
	case b.current == nil:
		return misfit(b.of, "it does not exist: create it with apply")
	}
	columns, err := c.sameColumns(ctx, b.of, own.table)
	if err != nil {
		return err
	}
	if err := c.copyTombstones(ctx, d, b.of, own.table, columns); err != nil {
		return err
	}
	if own.uuid != "" {
		err := c.exec(ctx, "exchange "+b.of.String()+" and "+own.String(),
			"EXCHANGE TABLES "+b.of.sql()+" AND "+own.sql()+onCluster(d))
		if err == nil {
			return c.checkExchanged(ctx, d, token, mark)
		}
		if !isUnsupported(err) {
			return b.overtaken(err)
		}
	}
	return b.overtaken(c.rename(ctx, d, newName{b.of, b.named(oldTable, mark)}, newName{own.table, b.of}))
}

// markOf returns the mark in the name of the table that a job has filled.
func (c *Client) markOf(b *besideTables, filled string) (string, error) {
	t, err := parseTable(filled, c.database)
	if err != nil {
		return "", err
	}
	m := besideName.FindStringSubmatch(strings.TrimPrefix(t.name, b.of.name))
	if m == nil || m[2] != b.job || m[3] == "" || t != b.named(newTable, m[3]) {
		return "", misfit(b.of, "%s is no table that this job has filled: begin a new job", filled)
	}
	return m[3], nil
}

// overtaken makes it an error that passes if a table is gone of those that there were a moment before.
func (b *besideTables) overtaken(err error) error {
	if !isMissing(err) {
		return err
	}
	return chferry.WrapError(chferry.CodeUnavailable, err,
		"exchange %s and its new table: another attempt renames the tables at this moment: try again", b.of)
}

// endRenaming does what of an exchange may be left to do when a table has its old name.
func (c *Client) endRenaming(ctx context.Context, d sink.Destination, b *besideTables, mark string) error {
	own, old := b.marked(newTable, mark), b.marked(oldTable, mark)
	switch {
	case old.uuid != "" && old.uuid == mark:
		return misfit(b.of, "a late attempt at the job has exchanged the tables back: begin a new job")
	case b.current != nil && own == nil:
		return nil
	case b.current == nil && own != nil:
		return b.overtaken(c.rename(ctx, d, newName{own.table, b.of}))
	case b.current == nil:
		return misfit(b.of, "the new table of this job is gone: rename %s to %[1]s, and begin a new job", old)
	default:
		return b.createdMeanwhile(old)
	}
}

// createdMeanwhile is the error for a table that somebody created while it had another name.
func (b *besideTables) createdMeanwhile(old *besideTable) error {
	return misfit(b.of, "it was created anew while it had the name %s: drop what is new and empty, and rename that "+
		"one back", old)
}

// checkExchanged returns an error if the tables are as before, as after two attempts that exchanged
// them at the same time.
func (c *Client) checkExchanged(ctx context.Context, d sink.Destination, token, mark string) error {
	b, err := c.tablesBeside(ctx, d, token)
	if err != nil {
		return err
	}
	if own := b.marked(newTable, mark); own == nil || !own.isMoved() {
		return chferry.Errorf(chferry.CodeUnavailable,
			"exchange %s and its new table: another attempt exchanged them, too: try again", b.of)
	}
	return c.setAside(ctx, d, token, mark)
}

// setAside gives the old table, which was exchanged, a name that no late attempt exchanges back. The
// old table's UUID then tells whether one did just before.
func (c *Client) setAside(ctx context.Context, d sink.Destination, token, mark string) error {
	b, err := c.tablesBeside(ctx, d, token)
	if err != nil {
		return err
	}
	err = c.rename(ctx, d, newName{b.named(newTable, mark), b.named(oldTable, mark)})
	if err != nil {
		return b.overtaken(err)
	}
	if b, err = c.tablesBeside(ctx, d, token); err != nil {
		return err
	}
	if b.marked(oldTable, mark) == nil {
		return chferry.Errorf(chferry.CodeUnavailable,
			"exchange %s and its new table: another attempt renames the tables at this moment: try again", b.of)
	}
	return c.endRenaming(ctx, d, b, mark)
}

// copyTombstones copies the tombstones of a table into the one that is to replace it. Without them, a
// late insert would bring back a row that was deleted before. Their versions are less than those of
// newer rows, so they replace none.
func (c *Client) copyTombstones(ctx context.Context, d sink.Destination, from, to table, columns []column) error {
	f, err := c.features(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, one := range columns {
		if one.defaultKind == "" || one.defaultKind == "DEFAULT" {
			names = append(names, quote(one.name))
		}
	}
	list := strings.Join(names, ", ")
	return c.execWithin(withKnownSettings(ctx, f, ch.Settings{partitionsSetting: 0}), c.opts.InsertTimeout,
		"copy the tombstones of "+from.String()+" into "+to.String(),
		"INSERT INTO "+to.sql()+" ("+list+") SELECT "+list+" FROM "+from.sql()+
			" WHERE "+quote(d.Engine.Layout().Deleted)+" = 1")
}

// sameColumns compares the columns of a table with those of the one that was filled anew, and returns them.
func (c *Client) sameColumns(ctx context.Context, t, own table) ([]column, error) {
	current, _, err := c.describeColumns(ctx, t)
	if err != nil {
		return nil, err
	}
	filled, _, err := c.describeColumns(ctx, own)
	if err != nil {
		return nil, err
	}
	for _, pair := range [2][2][]column{{current, filled}, {filled, current}} {
		for _, one := range pair[0] {
			isSame := func(c column) bool {
				return c.name == one.name && c.text == one.text && c.defaultKind == one.defaultKind
			}
			if !slices.ContainsFunc(pair[1], isSame) {
				return nil, misfit(t, "column %q was added, altered or dropped while %s was filled: begin a new job",
					one.name, own)
			}
		}
	}
	return current, nil
}
