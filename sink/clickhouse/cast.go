package clickhouse

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// A cast is another type for a column than [features.columnType] would choose. It is one that holds
// each value exactly, or as near as documented for its kind, or refuses it: docs/types.md has the
// table.

// castPattern keeps out what does not look like a type: the text becomes part of statements.
var castPattern = regexp.MustCompile(
	`^[A-Za-z0-9]+(\(([0-9]+|'[A-Za-z0-9_/+-]+')(, ?([0-9]+|'[A-Za-z0-9_/+-]+'))*\))?$`)

// castOf reads a cast as a column of its type, nullable if its values may be null.
func castOf(c rowset.Column) (column, bool) {
	inner := c.Cast
	to := newColumn(c.Destination, inner, "")
	for range to.dimensions {
		inner, _ = unwrap(inner, "Array")
	}
	for _, wrapper := range []string{"LowCardinality", "Nullable"} {
		if bare, ok := unwrap(inner, wrapper); ok {
			inner = bare
		}
	}
	if chferry.CheckExpression(c.Cast) != nil || !castPattern.MatchString(inner) {
		return column{}, false
	}
	if (to.base == "DateTime" || to.base == "DateTime64") && !strings.Contains(inner, "'") {
		inner = strings.TrimSuffix(inner, ")")
		if to.base == "DateTime" {
			inner += "("
		} else {
			inner += ", "
		}
		inner += "'UTC')"
	}
	if to.dimensions == 0 { // of an array's elements the cast decides, and a null that can't be is set aside
		to.nullable = to.nullable || c.Type.Nullable
	}
	if to.nullable {
		inner = "Nullable(" + inner + ")"
	}
	if to.dictionary {
		inner = "LowCardinality(" + inner + ")"
	}
	to.text = strings.Repeat("Array(", to.dimensions) + inner + strings.Repeat(")", to.dimensions)
	return to, true
}

// holdingAll returns the cast that holds whatever the column does not.
func (c column) holdingAll() string {
	if c.dimensions == 0 {
		return "String"
	}
	return strings.Repeat("Array(", c.dimensions) + "Nullable(String)" + strings.Repeat(")", c.dimensions)
}

// typeOf returns the type that a column of a new table has.
func (f *features) typeOf(c rowset.Column) string {
	if c.Cast == "" {
		return f.columnType(c.Type)
	}
	to, _ := castOf(c) // checkCasts has read it
	return to.text
}

// checkCasts refuses all casts that can't be, before anything is asked of the server.
func (f *features) checkCasts(t table, d sink.Destination) error {
	var problems []error
	for _, c := range d.Columns {
		if c.Cast == "" {
			continue
		}
		to, ok := castOf(c)
		switch key := slices.Contains(d.Key, c.Destination); {
		case !ok || !f.hasType(to) || !to.castsFrom(c.Type, f):
			problems = append(problems, chferry.Errorf(chferry.CodeConfiguration,
				"table %s: columns.cast can't make %.100q of column %q (%s): see docs/types.md for what it can",
				t, c.Cast, c.Name, c.SourceType))
		case to.isNumber() && textIsNoNumber(c):
			problems = append(problems, chferry.Errorf(chferry.CodeConfiguration,
				"table %s: columns.cast can't make %.100q of column %q: the text of a %s is no number: leave the cast "+
					"out, or convert the column in the source, as in a view",
				t, c.Cast, c.Name, c.SourceType))
		case key && (to.nullable || to.loses(c.Type) || to.isNumber() && !hasOneText(c)):
			problems = append(problems, chferry.Errorf(chferry.CodeConfiguration,
				"table %s: columns.cast can't make %.100q of column %q, which is part of the key: two keys could "+
					"become one", t, c.Cast, c.Name))
		}
	}
	return errors.Join(problems...)
}

// hasOneText reports whether equal numbers of a column have one text there: 7 and 007 are two texts and one number.
func hasOneText(c rowset.Column) bool {
	return c.Type.Kind != rowset.String || numericTexts.MatchString(c.SourceType)
}

// numericTexts are the types of sources whose values come as texts and are numbers, each with one text.
var numericTexts = regexp.MustCompile(`(?i)^(numeric|decimal)\b`)

func (c column) isNumber() bool {
	_, whole := integers[c.base]
	return whole || c.base == "Decimal" || c.base == "Bool" || strings.HasPrefix(c.base, "Float")
}

// numberTexts are the types of sources whose values come as texts and may be numbers. Others, such
// as money, interval, bit and inet, look like numbers at times and mean something else. SQLite
// keeps numbers and texts in columns of any type: what a type is called there, mostly in capitals,
// says nothing.
var numberTexts = regexp.MustCompile(
	`^(no declared type|([a-z_0-9]+\.)?(` +
		`text|citext|name|"char"|bpchar|clob|string|numeric|decimal|dec|json|jsonb|oid|xid|xid8|cid|` +
		`n?(var)?char|(native )?character|(national )?(character|char)( varying)?|longtext|mediumtext|tinytext` +
		`)(\([0-9, -]*\))?)$`)

// textIsNoNumber tells whether a column comes as text that is no number, or looks like a number and is another.
func textIsNoNumber(c rowset.Column) bool {
	kind := c.Type.Kind
	if kind == rowset.Array {
		kind = c.Type.Element
	}
	name := strings.TrimRight(c.SourceType, "[]")
	if kind != rowset.String || name == "" || !strings.HasPrefix(name, `"`) && name != strings.ToLower(name) {
		return false
	}
	return !numberTexts.MatchString(name)
}

// hasType tells whether the server has the cast's type.
func (f *features) hasType(to column) bool {
	switch to.base {
	case "Bool":
		return f.hasBool()
	case "Date32":
		return f.hasDate32()
	case "DateTime64":
		return f.hasDateTime64() && to.args[0] <= 9
	case "Decimal":
		return to.args[1] <= to.args[0] && to.args[0] > 0 && (to.args[0] <= 38 || f.hasDecimal256() && to.args[0] <= 76)
	default:
		return !to.dictionary || f.hasDictionaries() && to.base == "String" && to.dimensions == 0
	}
}

// castsFrom tells whether the column takes the kind, each value for itself.
func (c column) castsFrom(t rowset.Type, f *features) bool {
	if c.takes(t, f) {
		return true
	}
	if c.dimensions != t.Dimensions || c.dimensions > 0 && c.dictionary {
		return false
	}
	kind := t.Kind
	if kind == rowset.Array {
		kind = t.Element
	}
	_, whole := integerKinds[kind]
	number := whole || kind == rowset.Decimal || kind == rowset.String
	if _, ok := integers[c.base]; ok {
		return number
	}
	switch c.base {
	case "String":
		return true
	case "Decimal":
		return number && kind != rowset.Bool
	case "Date":
		return kind == rowset.Date
	case "DateTime", "DateTime64":
		return kind == rowset.Timestamp
	default:
		return false
	}
}

// loses tells whether the column takes different values of t for one, where it does not refuse them.
func (c column) loses(t rowset.Type) bool {
	switch c.base {
	case "Date":
		return true
	case "DateTime":
		return t.Kind == rowset.Timestamp
	case "DateTime64":
		return c.args[0] < 6
	default:
		return false
	}
}

// castMisfit says why the column is not what the cast asks for, "" if it is, and which type it should have.
func (c column) castMisfit(w rowset.Column) (problem, want string) {
	to, _ := castOf(w)
	switch {
	case c.computed():
		return "is " + c.defaultKind +
			", so it can't be inserted: make it an ordinary column or leave it out with columns.exclude", ""
	case c.base != to.base || !slices.Equal(c.args, to.args) || c.dimensions != to.dimensions,
		to.nullable && !c.nullable && to.dimensions == 0, c.dictionary && (c.base != "String" || c.dimensions > 0):
		return "is " + c.text + ", but columns.cast asks for " + to.text + ": change the cast, or the column", to.text
	default:
		return "", ""
	}
}
