package main

import (
	"fmt"

	"github.com/chferry/chferry"
)

// report prints a line for each thing that was looked at, with its notes beneath.
type report struct {
	app   *app
	first error // the first problem
	count int   // of problems
	notes []string
}

func (r *report) would(do string) { r.note("apply would " + do) }

func (r *report) note(text string) { r.notes = append(r.notes, text) }

// add prints one line if nothing is wrong with a thing, and else a line for each problem that err joins.
func (r *report) add(what string, err error) {
	if err == nil {
		fmt.Fprintf(r.app.out, "ok    %s\n", oneLine(what))
	}
	told := map[string]bool{}
	for _, problem := range chferry.Problems(err) {
		if told[problem.Error()] {
			continue
		}
		told[problem.Error()] = true
		fmt.Fprintf(r.app.out, "FAIL  %s: %s\n", oneLine(what), oneLine(problem.Error()))
		r.count++
		if r.first == nil {
			r.first = problem
		}
	}
	for _, note := range r.notes {
		fmt.Fprintf(r.app.out, "      %s\n", oneLine(note))
	}
	r.notes = nil
}

// err returns the first problem, with its exit status. A person who has just read the lines on a
// terminal is not told it twice.
func (r *report) err() error {
	switch {
	case r.count == 0:
		return nil
	case isTerminal(r.app.out):
		return chferry.WrapError(chferry.CodeOf(r.first), r.first, "%s, see above",
			chferry.Amount(int64(r.count), "problem", "problems"))
	case r.count == 1:
		return r.first
	default:
		return chferry.WrapError(chferry.CodeOf(r.first), r.first, "%s (and %d more, see above)", r.first, r.count-1)
	}
}
