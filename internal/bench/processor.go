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

// processorTime returns the CPU seconds of all processes that descend from this one, those that have ended included,
// without its own.
func processorTime() (float64, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	processes := map[int]process{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		p, err := parseStat(string(text))
		if err != nil {
			return 0, err
		}
		processes[p.id] = p
	}
	self := os.Getpid()
	total := processes[self].children
	for id, p := range processes {
		for parent := p.parent; parent > 0 && id != self; parent = processes[parent].parent {
			if parent == self {
				total += p.own + p.children
				break
			}
		}
	}
	return float64(total) / ticks, nil
}

// process is a line of /proc/PID/stat, times in ticks.
type process struct{ id, parent, own, children int }

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
	return process{id: pid, parent: numbers[1], own: numbers[11] + numbers[12], children: numbers[13] + numbers[14]}, err
}
