package config

import "strings"

// lastPart returns a source table's name without its schema, with its quotes if it has any.
func lastPart(name string) string {
	start := 0
	for i := 0; i < len(name); i++ {
		switch {
		case name[i] == '"' && i == start:
			_, end := unquote(name[i:])
			i += end - 1
		case name[i] == '.':
			start = i + 1
		}
	}
	return name[start:]
}

// tableName takes the name of a destination table apart, as ClickHouse's driver does. database is
// empty if it names none.
func tableName(text string) (database, table string) {
	first, end := text, len(text)
	if quoted(text) {
		first, end = unquote(text)
	} else if dot := strings.IndexByte(text, '.'); dot >= 0 {
		first, end = text[:dot], dot
	}
	rest, ok := strings.CutPrefix(text[end:], ".")
	if !ok {
		return "", first
	}
	if quoted(rest) {
		rest, _ = unquote(rest)
	}
	return first, rest
}

func quoted(text string) bool { return text != "" && (text[0] == '`' || text[0] == '"') }

// unquote returns what is within the quotes that text starts with, doubled ones once, and the index behind them.
func unquote(text string) (name string, end int) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] == text[0] {
			if i+1 == len(text) || text[i+1] != text[0] {
				return b.String(), i + 1
			}
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), len(text)
}
