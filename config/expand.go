package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces every ${NAME} by the variable's value and every $${ by ${. Its errors name variables, never values.
func expand(raw string, getenv func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		start := strings.Index(raw, "${")
		if start < 0 {
			out.WriteString(raw)
			return out.String(), nil
		}
		if start > 0 && raw[start-1] == '$' {
			out.WriteString(raw[:start-1] + "${")
			raw = raw[start+2:]
			continue
		}
		out.WriteString(raw[:start])
		name, rest, closed := strings.Cut(raw[start+2:], "}")
		if !closed || !variableName.MatchString(name) {
			return "", errors.New("a ${ must be followed by a variable's name and }: write $${ if it is meant as text")
		}
		value, ok := getenv(name)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", name)
		}
		out.WriteString(value)
		raw = rest
	}
}
