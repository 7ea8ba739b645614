package oracle

import (
	"os"
	"sync/atomic"
	"time"
)

// The kernel frees a program later, in a work item of its own that waits for the
// lock of the JIT's memory. Whoever allocates there holds the lock and may have to
// wait for another work item of the same queue. The queue runs 1024 items of a
// processor at once: when that many frees wait for the lock, the item that its
// holder waits for never starts, and from then on nobody on the machine can
// install a filter (seen on Linux 6.18). So no more than a few programs may be
// on their way out at any time.

// batch is how many programs may be.
const batch = 64

var programs atomic.Int64

// Settle is to be called before every program that is given to the kernel, where
// there are many. After each batch it waits for the work items that were queued
// before.
func Settle() error {
	if programs.Add(1)%batch != 0 {
		return nil
	}
	// To bring its statistics up to date, the kernel queues an item on every
	// processor, behind the frees, and waits for them.
	_, err := os.ReadFile("/proc/sys/vm/stat_refresh")
	if os.IsPermission(err) || os.IsNotExist(err) { // it is for root
		time.Sleep(100 * time.Millisecond)
		return nil
	}
	return err
}
