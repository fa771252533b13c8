package clickhouse

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/chferry/chferry/rowset"
)

// keyPart is a column by which rows are looked up.
type keyPart struct {
	column
	from   rowset.Column
	values *rowset.Vector // of the keys; nil: they do not have the column
}

// folds reports whether different texts of the column may be equal in the source. One that is cast
// to a number has no letters.
func (p keyPart) folds() bool { return p.from.Folds && p.base == "String" }

// listed reports whether the keys' values can be told by their texts. A date or a decimal has other
// texts on other servers, so rows are not looked up by them.
func (p keyPart) listed() bool {
	if p.values == nil {
		return false
	}
	_, number := integers[p.base]
	_, whole := integerKinds[p.from.Type.Kind]
	return p.base == "String" || number && whole && p.from.Type.Kind != rowset.Bool || p.base == "UUID" &&
		p.from.Type.Kind == rowset.UUID
}

// textSQL is the expression for the column's text, which [rowset.AppendPrimaryKey] reads.
func (p keyPart) textSQL() string {
	name := quote(p.name)
	switch {
	case p.base == "String" && p.from.Type.Kind == rowset.Bytes:
		return `concat('\\x', lower(hex(` + name + `)))`
	case p.base == "String":
		return name
	case p.base == "DateTime", p.base == "DateTime64":
		return "toString(" + name + ", 'UTC')"
	default:
		return "toString(" + name + ")"
	}
}

// text is what textSQL gives for value i of the keys, if the column is listed.
func (p keyPart) text(i int) string {
	if p.from.Type.Kind == rowset.Bytes {
		return `\x` + hex.EncodeToString(p.values.At(i))
	}
	return string(p.values.AppendText(nil, i))
}

func (p keyPart) constant(first, last int) bool {
	for i := first + 1; i < last; i++ {
		if p.values.Compare(first, p.values, i) != 0 {
			return false
		}
	}
	return true
}

// written returns the text of a value as the source writes it. 18.16 has its own for the first
// moment of a date, and servers differ in the zeros of a decimal, which is text for the source if
// it was cast from one.
func (p keyPart) written(text string) string {
	switch {
	case strings.HasPrefix(text, "0000-00-00"):
		return "1970-01-01" + strings.TrimPrefix(text, "0000-00-00")
	case p.base == "Decimal" && p.from.Type.Kind == rowset.String && strings.Contains(text, "."):
		return strings.TrimRight(strings.TrimRight(text, "0"), ".")
	default:
		return text
	}
}

// coarse leaves out letters of which servers and sources may not agree how they are lowered, such
// as i, which Turkish has two of, í, which becomes three letters in Lithuanian, and k, which the
// sign of kelvin becomes; and lowers the others, which have one lower letter everywhere, or, as in
// Arabic and Thai, no other. So texts that a source holds equal are equal here, and some others
// too.
const coarse = `lowerUTF8(replaceRegexpAll(%s, ` +
	`'[^\\x01-HJL-hjl-\\x7fÀ-ÄÆ-ËÎ-ÖØ-Þà-äæ-ëî-öø-þ֐-႟Α-ΡΤ-ΨΪΫα-ρτ-ψϊϋЀ-џぁ-鿿가-힣]', ''))`

// quoteText makes a literal of any text.
func quoteText(text string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(&b, `\x%02X`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
