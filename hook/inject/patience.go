package inject

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

var errOverdue = errors.New("the process has been at work for too long without executing its payload")

// watch kills a process that has been at work for longer than patience: one that runs
// its payload by something else than execve would be followed, and its filters be
// suspended, for ever. How long it merely waits is the business of those who start
// containers some time after they have created them. stop ends the watching and returns an error
// if the process was killed.
func watch(pid int, patience time.Duration, kill func()) (stop func() error) {
	interval := min(time.Second, patience/10)
	done, result := make(chan struct{}), make(chan error)
	go func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		last := activity(pid)
		for worked := time.Duration(0); ; {
			select {
			case <-done:
				result <- nil
				return
			case <-tick.C:
			}
			now := activity(pid)
			if now != last {
				last = now
				worked += interval
			}
			if worked > patience {
				kill()
				<-done
				result <- errOverdue
				return
			}
		}
	}()
	return func() error {
		close(done)
		return <-result
	}
}

// activity returns what changes while any thread of a process does something: the
// time that they have used, and how often each went to sleep or was made to wait.
func activity(pid int) string {
	var all strings.Builder
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])); len(fields) > 12 {
		fmt.Fprintln(&all, fields[11], fields[12]) // utime, stime
	}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, file := range files {
		text, _ := os.ReadFile(file) // the thread may have ended
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "ctxt_switches:") {
				all.WriteString(line)
			}
		}
	}
	return all.String()
}
