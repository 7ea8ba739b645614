//go:build linux && 386

// Command narrow times i386's calls, as package latency does x86_64's: it reads a
// [latency.Request] and writes the timings, in JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"secco/test/bench/latency"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "narrow:", err)
		os.Exit(1)
	}
}

func run() error {
	var r latency.Request
	if err := json.NewDecoder(os.Stdin).Decode(&r); err != nil {
		return err
	}
	timings, err := latency.Time(r.Program, r.Calls, r.Rounds, r.Repeat)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(timings)
}
