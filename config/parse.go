package config

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// parse returns the file's top level, nil if it can't be read at all.
func parse(text []byte, getenv func(string) (string, bool), found *problems) *section {
	if !utf8.Valid(text) {
		found.add(1, "the file is not UTF-8: save it as UTF-8")
		return nil
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		line, message := syntax(err)
		found.add(line, "%s", message)
		return nil
	}
	if len(file.Docs) > 1 {
		line := 1
		if start := file.Docs[1].Start; start != nil {
			line = start.Position.Line
		}
		found.add(line, "a second YAML document starts here: keep one")
		return nil
	}
	root := &reader{found: found, getenv: getenv}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return &section{reader: root, line: 1}
	}
	return root.mapping("", 1, file.Docs[0].Body)
}

// syntax tells what a parser's error is about. Its own text is of no use here: it holds an excerpt of the file.
func syntax(err error) (line int, message string) {
	var wrong yaml.Error
	if !errors.As(err, &wrong) || wrong.GetToken() == nil {
		return 1, "the file is not YAML"
	}
	// This message repeats the key, which may be a misplaced value.
	if strings.HasPrefix(wrong.GetMessage(), "mapping key ") {
		return wrong.GetToken().Position.Line, "this key stands twice: keep one"
	}
	message = "not YAML: " + wrong.GetMessage()
	if tk := wrong.GetToken(); tk.Value == "{" || tk.Value == "}" || tk.Prev != nil && tk.Prev.Value == "$" {
		message += "; inside {…} and […] write \"${NAME}\" in quotes"
	}
	return wrong.GetToken().Position.Line, message
}

// unsupported names what a node is if it is more than plain values, lists and mappings; "" if it is not.
func unsupported(n ast.Node) string {
	switch n.(type) {
	case *ast.AnchorNode:
		return "an anchor (&name)"
	case *ast.AliasNode:
		return "an alias (*name)"
	case *ast.TagNode:
		return "a tag (!name)"
	default:
		return ""
	}
}
