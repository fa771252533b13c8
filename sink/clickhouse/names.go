package clickhouse

import (
	"fmt"
	"strings"

	"github.com/chferry/chferry"
)

// table is the full name of a table or view.
type table struct{ database, name string }

// String returns the name for messages.
func (t table) String() string { return t.database + "." + t.name }

// sql returns the name for statements.
func (t table) sql() string { return quote(t.database) + "." + quote(t.name) }

// current returns the name of the view of what counts in t.
func (t table) current() table { return table{t.database, t.name + "_current"} }

// configured returns the name as a configuration has it: see [parseTable].
func (t table) configured() string {
	double := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	return double(t.database) + "." + double(t.name)
}

// quote makes an identifier of any name. Everything that could end it, or that a parser on the way might trip over, is
// written as \xHH, for the sake of [Client.prepare] among them.
func quote(name string) string {
	var b strings.Builder
	b.WriteByte('`')
	for i := range len(name) {
		if c := name[i]; plain(c) || c == ' ' || c == '.' || c == '-' || c >= 0x80 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
	}
	b.WriteByte('`')
	return b.String()
}

// plain tells whether c can stand in an identifier without quotes.
func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// parseTable reads a configured name: users, shop.users, or with quotes where a name holds a dot: `my.shop`.users.
// Inside quotes (` or ") a doubled quote stands for itself.
func parseTable(text, database string) (table, error) {
	first, rest, ok := cutName(text)
	second := ""
	if ok && rest != "" {
		second, ok = wholeName(strings.TrimPrefix(rest, "."))
		ok = ok && strings.HasPrefix(rest, ".")
		database, first = first, second
	}
	if !ok || first == "" || database == "" {
		return table{}, chferry.Errorf(chferry.CodeConfiguration,
			"destination table %q must be a table or database.table, with `quotes` around names that hold dots or "+
				"quotes", text)
	}
	return table{database, first}, nil
}

// cutName takes a quoted name, or what stands before the first dot, from the start of text.
func cutName(text string) (name, rest string, ok bool) {
	if text == "" || text[0] != '`' && text[0] != '"' {
		dot := strings.IndexByte(text, '.')
		if dot < 0 {
			return text, "", text != ""
		}
		return text[:dot], text[dot:], dot > 0
	}
	quote := text[0]
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] != quote:
			b.WriteByte(text[i])
		case i+1 < len(text) && text[i+1] == quote:
			b.WriteByte(quote)
			i++
		default:
			return b.String(), text[i+1:], b.Len() > 0
		}
	}
	return "", "", false
}

// wholeName reads a name that is quoted, or that is all of text.
func wholeName(text string) (string, bool) {
	if text == "" || text[0] != '`' && text[0] != '"' {
		return text, text != ""
	}
	name, rest, ok := cutName(text)
	return name, ok && rest == ""
}
