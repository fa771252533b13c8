package httpserver

import (
	"regexp"
	"strings"
)

// leading is what may stand before the first word of a statement.
var leading = regexp.MustCompile(`(?s)^(?:\s+|/\*.*?\*/|--[^\n]*(?:\n|$)|#[ !][^\n]*(?:\n|$)|\()*`)

var word = regexp.MustCompile(`^[A-Za-z]+`)

// keyword returns the first word of a statement, in capitals.
func keyword(sql string) string {
	return strings.ToUpper(word.FindString(sql[len(leading.FindString(sql)):]))
}

var escapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", `'`, `\'`)

func quoteName(name string) string { return "`" + escapes.Replace(name) + "`" }
func quoteText(text string) string { return "'" + escapes.Replace(text) + "'" }
