package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"secco/bpf"
	"secco/compiler"
	"secco/hook"
	"secco/policy"
)

// livePrefix begins a FILTER argument that stands for what the kernel holds for a
// process: pid:N for all of its filters together, or pid:N:INDEX for one, the oldest
// being 0.
const livePrefix = "pid:"

// loadLive reads a filter of a living process.
func (s *session) loadLive(arg string) (*filter, error) {
	which, index, indexed := strings.Cut(strings.TrimPrefix(arg, livePrefix), ":")
	pid, err := strconv.ParseUint(which, 10, 31)
	if err != nil || pid == 0 {
		return nil, badInput("usage", "%q is no process", arg).hint("it is pid:N, or pid:N:INDEX with 0 for the oldest filter")
	}
	programs, err := hook.ReadFilters(int(pid))
	if err != nil {
		return nil, refused("live", "%s: %s", arg, err)
	}
	at := 0
	if indexed {
		n, err := strconv.ParseUint(index, 10, 31)
		if err != nil {
			return nil, badInput("usage", "%q is no filter of a process", arg).hint("it is pid:N, or pid:N:INDEX with 0 for the oldest filter")
		}
		at = int(n)
	}
	switch {
	case at >= len(programs) && len(programs) == 1:
		return nil, badInput("no-filter", "%s: the process has 1 filter", arg)
	case at >= len(programs):
		return nil, badInput("no-filter", "%s: the process has %d filters", arg, len(programs))
	case indexed || len(programs) == 1:
		return live(arg, programs[at]), nil
	}
	// The strictest action counts, and of those that differ in their data the
	// newest filter's.
	var filters []*filter
	for i, p := range slices.Backward(programs) {
		filters = append(filters, live(fmt.Sprintf("%s:%d", arg, i), p))
	}
	f, err := s.merge(policy.Intersection, filters)
	if err != nil {
		return nil, err
	}
	f.name, f.kind = arg, kindLive
	return f, nil
}

func live(name string, p bpf.Program) *filter {
	return &filter{name: name, kind: kindLive, program: &compiler.Output{Program: p}}
}
