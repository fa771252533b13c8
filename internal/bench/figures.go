package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// figure is one line of a table: what was measured in each round, and, where there is one, the base beside it.
type figure struct {
	name         string
	format       string // of a value, such as "%.0f/s"
	values, base []float64
	baseName     string
	goal         string // as docs/benchmarks.md states it
}

// add notes one round.
func (f *figure) add(value float64) { f.values = append(f.values, value) }

// beside notes one round with its base.
func (f *figure) beside(value, base float64) {
	f.add(value)
	f.base = append(f.base, base)
}

// ratio is the median of the rounds' ratios: what disturbs a machine for a while then disturbs both sides.
func (f *figure) ratio() float64 {
	ratios := make([]float64, len(f.values))
	for i := range ratios {
		ratios[i] = f.values[i] / f.base[i]
	}
	return median(ratios)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// write writes figures as a Markdown table.
func write(out io.Writer, title string, figures []*figure) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s (median of %d rounds, least to most)\n\n| figure | measured | base | ratio | goal |\n| --- "+
		"| --- | --- | --- | --- |\n", title, rounds)
	for _, f := range figures {
		measured := fmt.Sprintf(f.format, median(f.values))
		if low, high := slices.Min(f.values), slices.Max(f.values); low != high {
			measured += fmt.Sprintf(" ("+f.format+" to "+f.format+")", low, high)
		}
		if n := len(f.values); n != rounds {
			measured += fmt.Sprintf(", rounds: %d", n)
		}
		base, ratio := "", ""
		if len(f.base) > 0 {
			base = fmt.Sprintf(f.format+", %s", median(f.base), f.baseName)
			ratio = fmt.Sprintf("%.2f", f.ratio())
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.name, measured, base, ratio, f.goal)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
