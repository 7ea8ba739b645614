package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"secco/test/bench"
)

// timing is the fastest of some rounds, and 0 before the first.
type timing time.Duration

func (t *timing) add(d time.Duration) {
	if *t == 0 || timing(d) < *t {
		*t = timing(d)
	}
}

// measureTimes takes the time of every compilation. The compilers take turns, so
// that what else the machine does hits all alike.
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
				start := time.Now()
				if _, err := build(); err != nil {
					return err
				}
				results[i][j].times.add(time.Since(start))
			}
		}
	}
	return nil
}

// measureProcess returns the fastest whole run of `secco compile` for each
// workload.
func measureProcess(root string, rounds int) (map[string]timing, error) {
	dir, err := os.MkdirTemp("", "secco-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	secco := filepath.Join(dir, "secco")
	build := exec.Command("go", "build", "-trimpath", "-tags", "libseccomp", "-o", secco, "./cmd/secco")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building secco: %w\n%s", err, out)
	}
	times := map[string]timing{}
	for _, name := range bench.Names {
		text, err := bench.Text(name)
		if err != nil {
			return nil, err
		}
		policy := filepath.Join(dir, name+".secco")
		if err := os.WriteFile(policy, []byte(text.Text()), 0o644); err != nil {
			return nil, err
		}
		var fastest timing
		for range rounds {
			cmd := exec.Command(secco, "compile", "--output", filepath.Join(dir, "out.bpf"), policy)
			start := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("secco compile %s: %w\n%s", name, err, out)
			}
			fastest.add(time.Since(start))
		}
		times[name] = fastest
	}
	return times, nil
}
