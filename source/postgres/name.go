package postgres

import (
	"strings"

	"github.com/chferry/chferry"
)

// quote returns name as an SQL identifier.
func quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// relation is a table's name, with the schema before it or found by the search path.
type relation []string

func (r relation) quoted() string {
	parts := make([]string, len(r))
	for i, part := range r {
		parts[i] = quote(part)
	}
	return strings.Join(parts, ".")
}

// relation reads a table's name. One without a schema is in the schema that the URL names as other
// clients do, if it names one.
func (s *Source) relation(name string) (relation, error) {
	r, err := parseRelation(name)
	if len(r) == 1 && s.schema != "" {
		r = relation{s.schema, r[0]}
	}
	return r, err
}

// parseRelation reads a table's name as it is configured: table or schema.table. Each part is taken as it is, with its
// capitals and spaces; a part that begins with a double quote ends at the next one, may hold dots, and has its own
// double quotes doubled.
func parseRelation(name string) (relation, error) {
	var r relation
	for rest, more := name, true; more; {
		var part string
		var ok bool
		if part, rest, more, ok = nextPart(rest); !ok || part == "" || strings.Contains(part, "\x00") || len(r) == 2 {
			return nil, chferry.Errorf(chferry.CodeConfiguration,
				`table %q is not a table's name: it must look like users, public.users or "a.b"."c d"`, name)
		}
		r = append(r, part)
	}
	return r, nil
}

// nextPart cuts the first part off name; more tells that a dot follows it.
func nextPart(name string) (part, rest string, more, ok bool) {
	if !strings.HasPrefix(name, `"`) {
		part, rest, more = strings.Cut(name, ".")
		return part, rest, more, true
	}
	var b strings.Builder
	for i := 1; i < len(name); i++ {
		if name[i] != '"' {
			b.WriteByte(name[i])
			continue
		}
		if i++; i < len(name) && name[i] == '"' {
			b.WriteByte('"')
			continue
		}
		rest, more = strings.CutPrefix(name[i:], ".")
		return b.String(), rest, more, more || rest == ""
	}
	return "", "", false, false
}
