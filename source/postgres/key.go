package postgres

import (
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// key returns the indexes of the primary key's columns: those named, or the table's own.
func (d described) key(table string, names []string) ([]int, error) {
	key, err := source.Key(table, d.columns, names)
	if err != nil {
		return nil, err
	}
	if len(key) == 0 {
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"table %s has no primary key: set primary_key to columns that tell its rows apart", table)
	}
	for _, i := range key {
		if why := d.unfit(d.columns[i]); why != "" {
			return nil, chferry.Errorf(chferry.CodeSchemaMismatch,
				"column %q of table %s can't be part of the primary key: %s",
				d.columns[i].Name, table, why)
		}
	}
	return key, nil
}

// keyTypes are the types of keys. Texts of some are values to everyone; only the server can read those of the others.
var keyTypes = []uint32{
	pgtype.BoolOID, pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.TextOID,
	pgtype.VarcharOID, pgtype.NameOID, pgtype.UUIDOID, pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID,
}

var keyTypesReadBySource = []uint32{
	pgtype.BPCharOID, pgtype.ByteaOID, pgtype.InetOID, pgtype.CIDROID, pgtype.MacaddrOID, pgtype.Macaddr8OID,
	pgtype.TimeOID, pgtype.TimetzOID, pgtype.IntervalOID, pgtype.BitOID, pgtype.VarbitOID, pgtype.Int4rangeOID,
	pgtype.Int8rangeOID, pgtype.NumrangeOID, pgtype.DaterangeOID, pgtype.TsrangeOID, pgtype.TstzrangeOID,
}

// readBySource tells whether only the server can read a text as the column's value. A numeric
// without a precision, or with too many digits, is text for chferry, and citext, of an extension,
// is known by its name.
func (a attribute) readBySource() bool {
	return slices.Contains(keyTypesReadBySource, a.oid) || a.oid == pgtype.NumericOID &&
		a.Type.Kind != rowset.Decimal || a.isCitext()
}

func (a attribute) isCitext() bool { return a.typeName == "citext" }

// isOrdered tells whether the server sorts values as [rowset.Column.Ordered] says. The texts of other
// types, such as inet, are sorted by what they mean, those of char(n) without their blanks, and
// those of an enum as it lists them.
func (a attribute) isOrdered() bool {
	switch a.Type.Kind {
	case rowset.Enum:
		return false
	case rowset.String:
		return a.bytewise && slices.Contains([]uint32{pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID}, a.oid)
	default:
		return true
	}
}

// A short text becomes as long as its char(n), so that the keys of a batch could fill the memory.
const maxCharLength = 4096

// unfit says why a column can't be part of the primary key; empty if it can.
func (d described) unfit(a attribute) string {
	const header = 4 // of the modifier, before the length
	switch {
	case a.Type.Kind == rowset.Array, !a.isEnum && !slices.Contains(keyTypes, a.oid) && !a.readBySource():
		return "type " + a.SourceType + " is not supported there"
	case a.oid == pgtype.BPCharOID && a.modifier-header > maxCharLength:
		return fmt.Sprintf("PostgreSQL fills every value of %s with blanks, which is supported there up to char(%d): "+
			"make it varchar", a.SourceType, maxCharLength)
	case !a.notNull && (d.kind == "r" || d.kind == "p"):
		return "it is nullable; make it NOT NULL"
	case !a.deterministic:
		return "its collation holds different texts equal"
	case (a.Type.Kind == rowset.String || a.isEnum) && d.encoding != "UTF8":
		return "the database's encoding is " + d.encoding + ", and text is supported there in UTF8 only"
	}
	return ""
}
