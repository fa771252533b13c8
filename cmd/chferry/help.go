package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// The width of help: a terminal of 80 columns shows it whole, and on a wide one its lines stay short enough to read.
const (
	narrowHelp = 80
	wideHelp   = 100
)

// fitHelp breaks the help of a command and of those below it into lines that fit the terminal.
func (a *app) fitHelp(root *cobra.Command) {
	width := min(max(columns(a.out), narrowHelp), wideHelp)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages ",
		fmt.Sprintf("Flags.FlagUsagesWrapped %d ", width)))
	wrapLong(root, width)
}

func wrapLong(cmd *cobra.Command, width int) {
	cmd.Long = wrapped(cmd.Long, width)
	for _, below := range cmd.Commands() {
		wrapLong(below, width)
	}
}

// wrapped breaks the lines of each paragraph anew.
func wrapped(text string, width int) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, paragraph := range paragraphs {
		var lines []string
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				lines = append(lines, line)
				line = ""
			}
			line = strings.TrimPrefix(line+" "+word, " ")
		}
		paragraphs[i] = strings.Join(append(lines, line), "\n")
	}
	return strings.Join(paragraphs, "\n\n")
}
