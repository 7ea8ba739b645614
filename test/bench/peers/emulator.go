package main

import (
	"fmt"
	"math"
	"testing"
	"time"

	"secco/emulator"
	"secco/test/bench"
)

// leastSpeed is how many million instructions the emulator is to run a second.
const leastSpeed = 150

// emulated returns how many million instructions of the compiler's program the
// emulator runs a second, on the calls of the mix, in the fastest of many short
// rounds. It must allocate nothing.
func emulated(c compiler, w *bench.Workload, mix []bench.Call) (speed float64, err error) {
	build, err := c.prepare(w)
	if err != nil {
		return 0, err
	}
	program, err := build()
	if err != nil {
		return 0, err
	}
	m, err := emulator.New(program)
	if err != nil {
		return 0, err
	}
	executed := 0
	for i := range mix {
		m.Trace(&mix[i].Data, func(emulator.Step) { executed++ })
	}
	const rounds, repeat = 500, 20
	fastest := time.Duration(math.MaxInt64)
	for range rounds {
		start := time.Now()
		for range repeat {
			for i := range mix {
				m.Run(&mix[i].Data)
			}
		}
		fastest = min(fastest, time.Since(start))
	}
	if n := testing.AllocsPerRun(100, func() { m.Run(&mix[0].Data) }); n > 0 {
		return 0, fmt.Errorf("the emulator allocates %g times for a call", n)
	}
	return float64(executed*repeat) / fastest.Seconds() / 1e6, nil
}
