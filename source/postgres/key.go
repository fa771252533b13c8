package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

// key returns the indexes of the primary key's columns: those named, or the table's own.
func (d described) key(table string, names []string) ([]int, error) {
	key, err := source.Key(table, d.columns, names)
	if err != nil {
		return nil, err
	}
	if len(key) == 0 {
		return nil, chferry.Errorf(chferry.CodeConfiguration, "table %s has no primary key: set primary_key to columns that tell its rows apart", table)
	}
	for _, i := range key {
		if why := d.unfit(d.columns[i]); why != "" {
			return nil, chferry.Errorf(chferry.CodeSchemaMismatch, "column %q of table %s can't be part of the primary key: %s",
				d.columns[i].Name, table, why)
		}
	}
	return key, nil
}

// keyTypes are the types whose values are told apart by the server as by [chferry.AppendPrimaryKey]. It leaves out char(n)
// and citext, which hold different texts equal, and types whose text the server alone can read.
var keyTypes = []uint32{
	pgtype.BoolOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.TextOID, pgtype.VarcharOID,
	pgtype.NameOID, pgtype.UUIDOID, pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID,
}

// unfit says why a column can't be part of the primary key; empty if it can.
func (d described) unfit(a attribute) string {
	switch {
	case a.Type.Kind == chferry.Array, !a.isEnum && !slices.Contains(keyTypes, a.oid):
		return "type " + a.SourceType + " is not supported there"
	case a.oid == pgtype.NumericOID && a.Type.Kind != chferry.Decimal:
		return "type " + a.SourceType + " is supported there with a precision of at most 76 digits only"
	case !a.notNull && (d.kind == "r" || d.kind == "p"):
		return "it is nullable; make it NOT NULL"
	case !a.deterministic:
		return "its collation holds different texts equal"
	case (a.Type.Kind == chferry.String || a.isEnum) && d.encoding != "UTF8":
		return "the database's encoding is " + d.encoding + ", and text is supported there in UTF8 only"
	}
	return ""
}
