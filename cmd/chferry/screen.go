package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// screen is where a verb prints. Anybody may have written the notes, the names and the words of
// servers that a verb prints, and a control character in them would move a terminal's cursor, or do
// worse. So a screen escapes control characters as JSON does, such as \u001b. It lets the ends of
// lines and tabs pass, which verbs print themselves: see [oneLine].
type screen struct{ io.Writer }

// Write implements [io.Writer].
func (s screen) Write(b []byte) (int, error) {
	clean := escape(b, "\n\t")
	if len(clean) == len(b) { // an escape is longer
		return s.Writer.Write(b)
	}
	if _, err := io.WriteString(s.Writer, clean); err != nil {
		return 0, err
	}
	return len(b), nil
}

// raw is the writer below a screen, for what draws by control characters, and to ask what kind of writer it is.
func raw(out io.Writer) io.Writer {
	if s, ok := out.(screen); ok {
		return s.Writer
	}
	return out
}

// oneLine makes one line of a text, without tabs: one cell of a table, or one note.
func oneLine(text string) string {
	return escape([]byte(strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(text)), "")
}

// escape escapes the characters that a terminal obeys or that change the order in which others are shown. What is no
// UTF-8 stays as it is: it may be a part of a character that is written in two.
func escape(text []byte, keep string) string {
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) && !strings.ContainsRune(keep, r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.Write(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}
