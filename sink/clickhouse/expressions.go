package clickhouse

import (
	"strconv"
	"strings"
)

// The server describes a table's engine and keys in its own notation; this file reads as much of it as is needed.

// engineArguments returns the arguments in text such as ReplacingMergeTree(_version) ORDER BY id.
func engineArguments(full string) []string {
	open := strings.IndexByte(full, '(')
	if space := strings.IndexByte(full, ' '); open < 0 || space >= 0 && space < open {
		return nil
	}
	inside := full[open+1:]
	depth, end := 0, len(inside)
	for i := 0; i < len(inside); i++ {
		switch inside[i] {
		case '`', '\'', '"':
			i = quotedEnd(inside, i) - 1
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 {
			end = i
			break
		}
	}
	return splitList(inside[:end])
}

// columnArguments leaves out the arguments of a replicated engine that are no columns: path and replica.
func columnArguments(arguments []string) []string {
	var names []string
	for _, a := range arguments {
		if name, ok := identifier(a); ok {
			names = append(names, name)
		} else if !strings.HasPrefix(a, "'") {
			names = append(names, a)
		}
	}
	return names
}

// splitList cuts text at its commas, but not inside brackets and quotes. No text is no parts.
func splitList(text string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '`', '\'', '"':
			i = quotedEnd(text, i) - 1
		case '(', '[':
			depth++
		case ')', ']':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	if rest := strings.TrimSpace(text[start:]); rest != "" {
		parts = append(parts, rest)
	}
	return parts
}

// keyColumns returns the parts of a sorting key, which some servers show in brackets and some without.
func keyColumns(key string) []string {
	if parts := splitList(key); len(parts) == 1 && strings.HasPrefix(key, "(") && strings.HasSuffix(key, ")") {
		return splitList(key[1 : len(key)-1])
	}
	return splitList(key)
}

// quotedEnd returns the index behind the quote that closes the one at start.
func quotedEnd(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[start]:
			return i + 1
		}
	}
	return len(text)
}

// identifier returns the name that text, and nothing more, is.
func identifier(text string) (string, bool) {
	if strings.HasPrefix(text, "`") {
		if len(text) < 2 || quotedEnd(text, 0) != len(text) {
			return "", false
		}
		return unescape(text[1 : len(text)-1]), true
	}
	for i := range len(text) {
		if !plain(text[i]) {
			return "", false
		}
	}
	return text, text != "" && (text[0] < '0' || text[0] > '9')
}

var escapes = map[byte]byte{'b': '\b', 'f': '\f', 'r': '\r', 'n': '\n', 't': '\t', '0': 0}

// unescape undoes what the server does to a quoted identifier.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if c, ok := escapes[text[i]]; ok {
			b.WriteByte(c)
		} else if n, err := strconv.ParseUint(text[i+1:min(i+3, len(text))], 16, 8); text[i] == 'x' && err == nil {
			b.WriteByte(byte(n))
			i += 2
		} else {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// identifiersIn returns the columns that an expression uses: its names that are not functions.
func identifiersIn(expression string) []string {
	var names []string
	for i := 0; i < len(expression); {
		end := i + 1
		switch c := expression[i]; {
		case c == '`':
			end = quotedEnd(expression, i)
			names = append(names, unescape(expression[i+1:end-1]))
		case c == '\'' || c == '"':
			end = quotedEnd(expression, i)
		case plain(c):
			for end < len(expression) && plain(expression[end]) {
				end++
			}
			function := end < len(expression) && expression[end] == '('
			if name, ok := identifier(expression[i:end]); ok && !function {
				names = append(names, name)
			}
		}
		i = end
	}
	return names
}
