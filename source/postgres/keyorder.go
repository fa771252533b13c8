package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// keyOrder writes SQL that compares and sorts keys of a table, named t, as the server orders them:
// by the columns' types and collations.
//
// A place is a key as the server writes it, or the first values of one, as a JSON list of texts.
type keyOrder struct {
	table   rowset.Table
	columns []string // SQL, in the key's order
}

func orderOf(table rowset.Table) keyOrder {
	k := keyOrder{table: table}
	for _, c := range table.PrimaryKey {
		column := "t." + quote(table.Columns[c].Name)
		if table.Columns[c].Type.Kind == rowset.Enum {
			column += "::" + table.Columns[c].SourceType // a domain has no comparison with its enum
		}
		k.columns = append(k.columns, column)
	}
	return k
}

// list is what ORDER BY and a row of the key take.
func (k keyOrder) list() string { return strings.Join(k.columns, ", ") }

// descending is what ORDER BY takes for the opposite order. A view may give nulls, which have no
// place in the order of keys.
func (k keyOrder) descending() string {
	return strings.Join(k.columns, " DESC NULLS LAST, ") + " DESC NULLS LAST"
}

// texts are the columns as the server writes them.
func (k keyOrder) texts() []string {
	texts := make([]string, len(k.columns))
	for i, c := range k.table.PrimaryKey {
		texts[i] = canonical(k.table.Columns[c], "t."+quote(k.table.Columns[c].Name))
	}
	return texts
}

// place writes a key as a place.
func (k keyOrder) place(key chferry.PrimaryKey) (string, error) {
	place, err := json.Marshal(key)
	return string(place), err
}

// values reads a place.
func (k keyOrder) values(place string) ([]string, error) {
	var values []string
	if json.Unmarshal([]byte(place), &values) != nil || len(values) == 0 || len(values) > len(k.columns) {
		return nil, chferry.Errorf(chferry.CodeInvalid,
			"the place to go on from is none of table %s, whose primary key may have changed", k.table.Name)
	}
	return values, nil
}

// KeyOf implements [source.Ranger].
func (s *Source) KeyOf(table rowset.Table, place string) (rowset.Block, error) {
	values, err := orderOf(table).values(place)
	if err != nil {
		return rowset.Block{}, err
	}
	key := source.NewKeyBlock(table, len(values))
	if err := rowset.AppendPrimaryKey(key.Vectors, values); err != nil {
		return rowset.Block{}, source.UnreadablePlace(table)
	}
	return key, nil
}

// condition is the SQL condition, and its parameters, that a key stands in some relation to the
// values of a place, such as behind them: >. The parameters are numbered from first on.
//
// A comparison of rows finds its place in an index. It can't be had for a type that is outside of
// the search path, and has its operators there: then each column is compared by an operator of its
// own.
func (k keyOrder) condition(values []string, operator string, first int) (sql string, params []param) {
	columns := k.columns[:len(values)]
	marks, schemas := make([]string, len(values)), make([]string, len(values))
	for i, value := range values {
		c := k.table.Columns[k.table.PrimaryKey[i]]
		marks[i] = fmt.Sprintf("$%d::text", first+i)
		if typ := orderType(c); typ != "" {
			marks[i] += "::" + typ
			schemas[i] = k.operatorSchema(c, typ)
		}
		params = append(params, textParam(value))
	}
	if slices.Max(schemas) == "" {
		return "(" + strings.Join(columns, ", ") + ") " + operator + " (" + strings.Join(marks, ", ") + ")", params
	}
	qualified := func(i int, operator string) string {
		if schemas[i] == "" {
			return columns[i] + " " + operator + " " + marks[i]
		}
		return columns[i] + " OPERATOR(" + schemas[i] + "." + operator + ") " + marks[i]
	}
	last := len(values) - 1
	sql = qualified(last, operator)
	for i := last - 1; i >= 0; i-- {
		sql = qualified(i, operator[:1]) + " OR " + qualified(i, "=") + " AND (" + sql + ")"
	}
	if last > 0 { // which finds its place in an index
		sql = qualified(0, operator[:1]+"=") + " AND (" + sql + ")"
	}
	return "(" + sql + ")", params
}

// operatorSchema is the schema of a column's operators, if it has to be named: the operators of
// enums are PostgreSQL's own.
func (k keyOrder) operatorSchema(c rowset.Column, typ string) string {
	if c.Type.Kind == rowset.Enum {
		return ""
	}
	return schemaOf(typ)
}

// orderType is the SQL type that a text of the key is cast to, to be compared with the column; empty if it is a text.
func orderType(c rowset.Column) string {
	switch {
	case c.Type.Kind == rowset.Bytes:
		return "bytea"
	case c.Type.Kind == rowset.String && !c.ReadBySource && c.SourceType != "name":
		return ""
	default:
		return keyType(c)
	}
}

// extras returns for each column of the key an SQL expression that is needed beside the column's
// value, or an empty text: dates and times beyond what vectors hold are told apart by their text
// alone, and texts that the server holds equal by what it compares.
func (k keyOrder) extras() []string {
	extras := make([]string, len(k.columns))
	for i, c := range k.table.PrimaryKey {
		column := k.table.Columns[c]
		switch {
		case column.Folds:
			extras[i] = `pg_catalog.lower(` + k.columns[i] + `::text COLLATE "default")`
		case column.Type.Kind == rowset.Date || column.Type.Kind == rowset.Timestamp:
			extras[i] = k.columns[i] + "::text"
		}
	}
	return extras
}
