package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"secco/test/bench"
)

// timing is the fastest of some rounds, and 0 before the first.
type timing time.Duration

func (t *timing) add(d time.Duration) {
	if *t == 0 || timing(d) < *t {
		*t = timing(d)
	}
}

// measureTimes takes the processor time of every compilation, garbage collection
// included: the time of the clock would be that of other programs as well. The
// compilers take turns, as even so these slow the machine down.
func measureTimes(compilers []compiler, all []*bench.Workload, results [][]result, rounds int) error {
	for j, w := range all {
		for range rounds {
			for i, c := range compilers {
				if results[i][j].missing {
					continue
				}
				build, err := c.prepare(w)
				if err != nil {
					return err
				}
				runtime.GC() // what others have left behind
				start, err := processorTime()
				if err != nil {
					return err
				}
				if _, err := build(); err != nil {
					return err
				}
				end, err := processorTime()
				if err != nil {
					return err
				}
				results[i][j].times.add(end - start)
			}
		}
	}
	return nil
}

// processorTime returns what this process has used so far.
func processorTime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err
}

// What compiling may take: secco's default mode of libseccomp's time, and a whole
// run of `secco compile`.
var (
	mostOfLibseccomp = map[string]float64{"W1": 1. / 3, "W1a": 1}

	mostProcess = timing(15 * time.Millisecond)
)

// slowCompiles returns an error that names what takes longer.
func (r *report) slowCompiles() error {
	var errs []error
	for j, w := range r.workloads {
		for i, c := range r.compilers {
			ours, theirs := float64(r.results[0][j].times), float64(r.results[i][j].times)
			if most, ok := mostOfLibseccomp[w.Name]; ok && c.name == libseccompName && ours > most*theirs {
				errs = append(errs, fmt.Errorf("%s: compiling takes %.2f of libseccomp's time", w.Name, ours/theirs))
			}
		}
		if took := r.process[w.Name]; took > mostProcess {
			errs = append(errs, fmt.Errorf("%s: secco compile takes %v", w.Name, time.Duration(took)))
		}
		if r.emulated[j] < leastSpeed {
			errs = append(errs, fmt.Errorf("%s: the emulator runs %.0f million instructions a second", w.Name, r.emulated[j]))
		}
	}
	return errors.Join(errs...)
}

// measureProcess takes the time of whole runs of `secco compile`, of each workload
// in turn.
func (r *report) measureProcess(root string, rounds int) error {
	dir, err := os.MkdirTemp("", "secco-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays behind does no harm
	secco := filepath.Join(dir, "secco")
	build := exec.Command("go", "build", "-trimpath", "-tags", "libseccomp", "-o", secco, "./cmd/secco")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building secco: %w\n%s", err, out)
	}
	for _, w := range r.workloads {
		text, err := bench.Text(w.Name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, w.Name+".secco"), []byte(text.Text()), 0o644); err != nil {
			return err
		}
	}
	if r.process == nil {
		r.process = map[string]timing{}
	}
	for range rounds {
		for _, w := range r.workloads {
			cmd := exec.Command(secco, "compile", "--output", filepath.Join(dir, "out.bpf"), filepath.Join(dir, w.Name+".secco"))
			start := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("secco compile %s: %w\n%s", w.Name, err, out)
			}
			fastest := r.process[w.Name]
			fastest.add(time.Since(start))
			r.process[w.Name] = fastest
		}
	}
	return nil
}
