package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader holds what all sections of a file share.
type reader struct {
	found  *problems
	getenv func(string) (string, bool)
	// listed are the lists of keys that were told: one of many imports with the same mistake is enough.
	listed []string
}

// section is a mapping of the file. Its readers leave a setting as it is when the file does not
// have it, and note a problem when it can't be used. Whatever key nobody asked for is unknown:
// [section.end] says so.
type section struct {
	*reader
	path    string // as in imports[0].destination; empty at the top
	line    int
	entries []entry
	asked   []string
	inner   []*section // that were asked for
}

type entry struct {
	key   string
	line  int
	value ast.Node
}

func (r *reader) mapping(path string, line int, n ast.Node) *section {
	s := &section{reader: r, path: path, line: line}
	if what := unsupported(n); what != "" {
		r.found.add(line, "%s is not supported here: write the value itself", what)
		return s
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			s.add(v)
		}
	case *ast.NullNode:
	default:
		r.found.add(line, "%s must be a mapping of keys to values", s.name(""))
	}
	return s
}

func (s *section) add(v *ast.MappingValueNode) {
	line := v.Key.GetToken().Position.Line
	key, ok := v.Key.(*ast.StringNode)
	if !ok {
		s.found.add(line, "this key is not plain text%s", s.inside())
		return
	}
	s.entries = append(s.entries, entry{key: key.Value, line: line, value: v.Value})
}

func (s *section) ask(key string) (entry, bool) {
	s.asked = append(s.asked, key)
	i := slices.IndexFunc(s.entries, func(e entry) bool { return e.key == key })
	if i < 0 {
		return entry{}, false
	}
	return s.entries[i], true
}

// has tells whether the file has the key, without making it known.
func (s *section) has(key string) bool {
	return slices.ContainsFunc(s.entries, func(e entry) bool { return e.key == key })
}

// fail notes a problem at the line of key, or of the section if the file does not have it. The text continues the
// key's name.
func (s *section) fail(key, format string, args ...any) {
	line := s.line
	for _, e := range s.entries {
		if e.key == key {
			line = e.line
		}
	}
	s.found.add(line, "%s %s", s.name(key), fmt.Sprintf(format, args...))
}

func (s *section) name(key string) string {
	switch {
	case s.path == "" && key == "":
		return "the file"
	case s.path == "" || key == "":
		return s.path + key
	default:
		return s.path + "." + key
	}
}

func (s *section) inside() string {
	if s.path == "" {
		return ""
	}
	return " in " + s.path
}

// section returns the mapping at key, an empty one if there is none.
func (s *section) section(key string) *section {
	inner := &section{reader: s.reader, path: s.name(key), line: s.line}
	if e, ok := s.ask(key); ok {
		inner = s.mapping(s.name(key), e.line, e.value)
	}
	s.inner = append(s.inner, inner)
	return inner
}

// sections returns the mappings that are listed at key.
func (s *section) sections(key string) []*section {
	var list []*section
	for i, item := range s.list(key) {
		path := fmt.Sprintf("%s[%d]", s.name(key), i)
		list = append(list, s.mapping(path, firstLine(item), item))
	}
	return list
}

// firstLine is where a node starts: a mapping's own token is the colon of its first entry, which
// may stand further down.
func firstLine(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	return n.GetToken().Position.Line
}

func (s *section) list(key string) []ast.Node {
	e, ok := s.ask(key)
	if !ok {
		return nil
	}
	switch n := e.value.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
	default:
		s.fail(key, "must be a list: put its values into [ ] or behind hyphens")
	}
	return nil
}

// scalar returns a value as it is written, whatever YAML takes it for, with its variables replaced.
// That happens here and not in the file's text so that no variable can change the structure.
func (r *reader) scalar(name string, line int, n ast.Node, expand func([]piece) string) (string, bool) {
	var raw string
	switch n := n.(type) {
	case *ast.StringNode:
		raw = n.Value
	case *ast.LiteralNode:
		raw = n.Value.Value
	case *ast.NullNode:
		r.found.add(line, "%s has no value: write one, or leave the key out", name)
		return "", false
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		raw = n.GetToken().Value
	default:
		r.found.add(line, "%s must be a single plain value", name)
		return "", false
	}
	list, err := pieces(raw, r.getenv)
	if err != nil {
		r.found.add(line, "%s: %s", name, err)
		return "", false
	}
	return expand(list), true
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,40}$`)

// end notes the keys that nobody asked for. What does not look like a key is not repeated: it may
// be a misplaced secret.
func (s *section) end() {
	for _, e := range s.entries {
		if slices.Contains(s.asked, e.key) {
			continue
		}
		name, meant := "unknown key", ""
		if plainKey.MatchString(e.key) {
			name += " " + e.key
			meant = s.meant(e.key)
		}
		if meant == "" {
			meant = s.keys()
		}
		s.found.add(e.line, "%s%s: %s", name, s.inside(), meant)
	}
}

// meant says which key an unknown one is likely to stand for; empty if none is.
func (s *section) meant(key string) string {
	var places []string
	for _, inner := range s.inner {
		if slices.Contains(inner.asked, key) {
			places = append(places, inner.path)
		}
	}
	if len(places) > 0 {
		return "it belongs in " + strings.Join(places, " or ")
	}
	if near := nearest(key, s.asked); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// keys says which keys there are, once for all sections of one kind.
func (s *section) keys() string {
	list := strings.Join(s.asked, ", ")
	if slices.Contains(s.listed, list) {
		return "the keys there are told above"
	}
	s.listed = append(s.listed, list)
	return "the keys there are " + list
}
