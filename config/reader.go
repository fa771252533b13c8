package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/chferry/chferry"
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

// text reads a value as text and tells whether there is one.
func (s *section) text(key string, into *string) bool {
	e, ok := s.ask(key)
	if !ok {
		return false
	}
	value, ok := s.scalar(s.name(key), e.line, e.value, expand)
	if ok {
		*into = value
	}
	return ok
}

// url reads a server's URL and tells whether there is one.
func (s *section) url(key string, into *string) bool {
	e, ok := s.ask(key)
	if !ok {
		return false
	}
	value, ok := s.scalar(s.name(key), e.line, e.value, expandURL)
	if !ok {
		return false
	}
	if *into, ok = chferry.CleanURL(value); !ok {
		s.fail(key, "has a password with a /, ?, #, %% or @ in it, or an @ behind its host: write / as %%2F, ? as "+
			"%%3F, # as %%23, %% as %%25 and @ as %%40, or take the password from a variable, as in "+
			"user:${PASSWORD}@host, which is written so by itself")
	}
	return ok
}

// texts reads a list of texts.
func (s *section) texts(key string, into *[]string) {
	for i, item := range s.list(key) {
		if value, ok := s.scalar(fmt.Sprintf("%s[%d]", s.name(key), i), firstLine(item), item, expand); ok {
			*into = append(*into, value)
		}
	}
}

// textMap reads a mapping of texts to texts.
func (s *section) textMap(key string) map[string]string {
	if !s.has(key) {
		s.ask(key)
		return nil
	}
	inner, values := s.section(key), map[string]string{}
	for _, e := range inner.entries {
		var value string
		if inner.text(e.key, &value) {
			values[e.key] = value
		}
	}
	return values
}

// number reads a whole number from least to most.
func (s *section) number(key string, least, most int64, into *int64) {
	var text string
	if !s.text(key, &text) {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		s.fail(key, "must be a whole number from %d to %d", least, most)
		return
	}
	*into = n
}

// boolean reads true or false.
func (s *section) boolean(key string, into *bool) {
	var text string
	if !s.text(key, &text) {
		return
	}
	switch text {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		s.fail(key, "must be true or false")
	}
}

// duration reads a duration that is not negative, and tells whether there is one.
func (s *section) duration(key string, into *time.Duration) bool {
	var text string
	if !s.text(key, &text) {
		return false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		s.fail(key, "must be a duration with its unit, such as %s", s.withUnit(key))
		return false
	}
	*into = d
	return true
}

// withUnit gives examples of durations: the file's own number with a unit, if it has one. What comes from a variable is
// not repeated.
func (s *section) withUnit(key string) string {
	for _, e := range s.entries {
		number, ok := e.value.(*ast.IntegerNode)
		if e.key == key && ok {
			text := number.GetToken().Value
			if _, err := strconv.ParseUint(text, 10, 32); err == nil {
				return fmt.Sprintf("%ss or %sm", text, text)
			}
		}
	}
	return "500ms, 5s or 1h30m"
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
