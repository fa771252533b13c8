package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks of /proc/PID/stat in a second, on every Linux.
const ticks = 100

// processorTime returns the CPU seconds of all processes that descend from this one, those that have ended included, by
// the name of the child that they descend from. Children that have ended are together under "".
func processorTime() (map[string]float64, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	processes := map[int]process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		p, err := parseStat(string(text))
		if err != nil {
			return nil, err
		}
		processes[p.id] = p
	}
	self := os.Getpid()
	seconds := map[string]float64{"": float64(processes[self].children) / ticks}
	for _, p := range processes {
		for child := p; child.parent > 0; child = processes[child.parent] {
			if child.parent == self {
				seconds[child.name] += float64(p.own+p.children) / ticks
				break
			}
		}
	}
	return seconds, nil
}

// spent returns what was spent between two calls of processorTime, and the sum.
func spent(before, after map[string]float64) (by map[string]float64, total float64) {
	by = map[string]float64{}
	for name, seconds := range after {
		by[name] = seconds - before[name]
		total += by[name]
	}
	return by, total
}

// process is a line of /proc/PID/stat, times in ticks.
type process struct {
	name                      string
	id, parent, own, children int
}

func parseStat(text string) (process, error) {
	// The name, in parentheses, may hold anything.
	name := strings.LastIndexByte(text, ')')
	id, _, _ := strings.Cut(text, " ")
	if name < 0 {
		return process{}, fmt.Errorf("/proc/PID/stat reads %q", text)
	}
	fields := strings.Fields(text[name+1:])
	numbers := make([]int, len(fields))
	for i, field := range fields {
		numbers[i], _ = strconv.Atoi(field) // the state is a letter
	}
	if len(numbers) < 15 {
		return process{}, fmt.Errorf("/proc/PID/stat reads %q", text)
	}
	pid, err := strconv.Atoi(id)
	return process{
		name: text[strings.IndexByte(text, '(')+1 : name], id: pid, parent: numbers[1],
		own: numbers[11] + numbers[12], children: numbers[13] + numbers[14],
	}, err
}
