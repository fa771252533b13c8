package chferry

import "strings"

// CheckExpression returns [CodeConfiguration] for text that can't be one expression within a
// statement: with brackets or quotes left open, comments or semicolons. It is a check against
// slips, not against whoever writes the configuration.
func CheckExpression(text string) error {
	var open []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\'', '"', '`':
			end := closingQuote(text, i)
			if end < 0 {
				return Errorf(CodeConfiguration, "has a quote that is not closed")
			}
			i = end
		case '(', '[', '{':
			open = append(open, c)
		case ')', ']', '}':
			if len(open) == 0 || strings.IndexByte("([{", open[len(open)-1]) != strings.IndexByte(")]}", c) {
				return Errorf(CodeConfiguration, "has a %c that closes nothing", c)
			}
			open = open[:len(open)-1]
		case ';', '#', 0:
			return Errorf(CodeConfiguration, "has a %q, which an expression has not", c)
		case '-', '/':
			if comment := text[i:min(i+2, len(text))]; comment == "--" || comment == "/*" {
				return Errorf(CodeConfiguration, "has a comment")
			}
		}
	}
	if len(open) > 0 {
		return Errorf(CodeConfiguration, "has a %c that is not closed", open[len(open)-1])
	}
	if strings.TrimSpace(text) == "" {
		return Errorf(CodeConfiguration, "is empty")
	}
	return nil
}

// closingQuote returns the index of the quote that closes the one at start, -1 if none does.
func closingQuote(text string, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[start]:
			return i
		}
	}
	return -1
}
