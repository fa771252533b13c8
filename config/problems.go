package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry"
)

// problems collects what is wrong with one file, so that a user mends it in one go.
type problems struct {
	file string
	list []problem
}

type problem struct {
	line int
	text string
}

func (p *problems) add(line int, format string, args ...any) {
	p.list = append(p.list, problem{line, fmt.Sprintf(format, args...)})
}

// err returns nil when nothing is wrong, and else all problems in the order of their lines.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return a.line - b.line })
	lines := make([]string, len(p.list))
	for i, found := range p.list {
		lines[i] = fmt.Sprintf("%s:%d: %s", p.file, found.line, found.text)
	}
	return chferry.Errorf(chferry.CodeConfiguration, "%s", strings.Join(lines, "\n"))
}
