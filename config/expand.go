package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// piece is a part of a value: text as it is written, or what a variable stands for.
type piece struct {
	text     string
	variable bool
}

// pieces replaces every ${NAME} by the variable's value and every $${ by ${. Its errors name variables, never values.
func pieces(raw string, getenv func(string) (string, bool)) ([]piece, error) {
	var list []piece
	for {
		start := strings.Index(raw, "${")
		if start < 0 {
			return append(list, piece{text: raw}), nil
		}
		if start > 0 && raw[start-1] == '$' {
			list = append(list, piece{text: raw[:start-1] + "${"})
			raw = raw[start+2:]
			continue
		}
		name, rest, closed := strings.Cut(raw[start+2:], "}")
		if !closed || !variableName.MatchString(name) {
			return nil, errors.New("a ${ must be followed by a variable's name and }: write $${ if it is meant as text")
		}
		value, ok := getenv(name)
		if !ok {
			return nil, fmt.Errorf("the environment variable %s is not set", name)
		}
		list = append(list, piece{text: raw[:start]}, piece{value, true})
		raw = rest
	}
}

// expand is what a value becomes with its variables.
func expand(list []piece) string {
	var out strings.Builder
	for _, p := range list {
		out.WriteString(p.text)
	}
	return out.String()
}
