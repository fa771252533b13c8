package sqlite

import (
	"context"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// keyPrecision is the number of decimal digits that a floating point number, which SQLite stores
// decimals as, keeps apart.
const keyPrecision = 15

// key returns the columns that tell rows apart: those named, or else the table's own.
func (d described) key(ctx context.Context, at *snapshot, table string, names []string) ([]int, error) {
	key, err := source.Key(table, d.columns, names)
	if err != nil {
		return nil, err
	}
	if len(key) == 0 {
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"table %s has no primary key, and a rowid is none, for VACUUM changes it: "+
				"set primary_key to columns that tell its rows apart", table)
	}
	forms := 1
	for _, i := range key {
		if forms *= formsOf(d.columns[i].Type.Kind); forms > maxForms {
			return nil, chferry.Errorf(chferry.CodeSchemaMismatch,
				"the primary key of table %s has too many columns of UUIDs and timestamps: SQLite stores "+
					"these in several forms each, and together in more than %d; declare some of them TEXT, or set "+
					"primary_key to fewer of them that are unique",
				table, maxForms)
		}
		why, err := d.unfit(ctx, at, d.columns[i])
		if err != nil {
			return nil, err
		}
		if why != "" {
			return nil, chferry.Errorf(chferry.CodeSchemaMismatch,
				"column %q of table %s can't be part of the primary key: %s", d.columns[i].Name, table, why)
		}
	}
	return key, nil
}

// unfit says why a column can't be part of the primary key; empty if it can. SQLite lets most
// columns of a primary key be null, which hardly anybody means: they are taken as they are meant,
// and rows with a null there, which no operation can name, are set aside by [Source.PrimaryKeys].
func (d described) unfit(ctx context.Context, at *snapshot, a attribute) (string, error) {
	switch t := a.Type; {
	case !t.Kind.CanBeKey():
		return "type " + a.SourceType + " is not supported there", nil
	case t.Kind == rowset.String && !textAffinity(a.SourceType):
		return "type " + a.SourceType + " is not supported there, for it holds numbers as numbers; declare it TEXT", nil
	case t.Kind == rowset.Decimal && t.Precision > keyPrecision:
		return fmt.Sprintf("type %s is supported there with at most %d digits, which is what SQLite keeps of it",
			a.SourceType, keyPrecision), nil
	case !a.notNull && a.keyPosition == 0:
		return "it is nullable; make it NOT NULL", nil
	}
	return d.folds(ctx, at, a.Name)
}

// folds says why the column's collation can't tell texts apart; empty if it can. It asks SQLite
// which texts it holds equal, for the schema has the collation's name in the text of CREATE TABLE
// alone: a UNION drops what is equal by the collation of its first part's column.
func (d described) folds(ctx context.Context, at *snapshot, column string) (string, error) {
	const texts = 3
	var different int
	err := at.QueryRowContext(ctx,
		"SELECT count(*) FROM (SELECT t."+quote(column)+" FROM "+quote(d.name)+" AS t WHERE 0 "+
			"UNION SELECT 'a' UNION SELECT 'A' UNION SELECT 'a ')").Scan(&different)
	var refused *driver.Error
	switch {
	case errors.As(err, &refused) && refused.Code() == codes.SQLITE_ERROR_MISSING_COLLSEQ:
		return "its collation is the application's own, which chferry does not know", nil
	case err == nil && different < texts:
		return "its collation, such as NOCASE or RTRIM, holds different texts equal", nil
	default:
		return "", err
	}
}
