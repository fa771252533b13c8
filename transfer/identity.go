package transfer

import (
	"context"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/storage"
)

func (p *Pipeline) sameSource(ctx context.Context, plan Plan) error {
	for alias, table := range plan.Tables {
		remembered, err := p.Storage.RememberIdentity(ctx, plan.Import.Key, alias, IdentityOf(table))
		if err != nil {
			return err
		}
		if err := plan.SameSource(ctx, alias, remembered); err != nil {
			return err
		}
	}
	return nil
}

// IdentityOf returns what is remembered of a source table.
func IdentityOf(table rowset.Table) storage.Identity {
	return storage.Identity{Table: table.Identity, Mark: table.Mark}
}

// SameSource refuses a table that is not the one synced before, or that stands before what was
// synced: a connection string that leads to an empty copy, or to a copy of the past, must not turn
// operations into deletes.
func (p *Plan) SameSource(ctx context.Context, alias string, remembered storage.Identity) error {
	imp, table := p.Import, p.Tables[alias]
	switch {
	case remembered.Table != table.Identity && databaseOf(remembered.Table) != databaseOf(table.Identity):
		return chferry.Errorf(chferry.CodeSourceChanged,
			"import key %s: %s in database %s is another table than the one synced before, as the URL leads to "+
				"another database (identity %s, was %s): mend the URL, or run chferry apply --accept-source %s if the "+
				"table was moved on purpose",
			imp.Key, imp.Table, alias, table.Identity, remembered.Table, imp.Key)
	case remembered.Table != table.Identity:
		return chferry.Errorf(chferry.CodeSourceChanged,
			"import key %s: %s in database %s is another table than the one synced before, in the same database "+
				"(identity %s, was %s): put the former name back in table, or run chferry apply --accept-source %s if "+
				"another table is meant, or this one was made anew",
			imp.Key, imp.Table, alias, table.Identity, remembered.Table, imp.Key)
	case table.Mark != 0 && table.Mark < remembered.Mark:
		return p.standsBefore(ctx, alias, remembered)
	default:
		return nil
	}
}

// standsBefore refuses a database that stands before what was synced from it. It asks the database again: a step that
// runs at the same time may have asked later, and was remembered first.
func (p *Plan) standsBefore(ctx context.Context, alias string, remembered storage.Identity) error {
	imp := p.Import
	table, err := p.sources[alias].Describe(ctx, imp.Table, imp.PrimaryKey)
	switch {
	case err != nil:
		return err
	case table.Mark != 0 && table.Mark < remembered.Mark:
		return chferry.Errorf(chferry.CodeSourceChanged,
			"import key %s: database %s stands before what was synced from it (at %d, was at %d): it is a copy of its "+
				"past, such as a restored backup, or lost its newest commits in a failover: mend the URL; or run "+
				"chferry apply --accept-source %s if the past is to count, and register every row that changed since",
			imp.Key, alias, table.Mark, remembered.Mark, imp.Key)
	default:
		return nil
	}
}

// databaseOf returns what an identity begins with, which is that of the database, up to the last slash that is not in
// a quoted name.
func databaseOf(identity string) string {
	unquoted, _, _ := strings.Cut(identity, `"`)
	return unquoted[:strings.LastIndexByte(unquoted, '/')+1]
}
