// Package worktime tells how long this process has worked. Bounds on that are the
// same on a busy machine as on an idle one.
package worktime

import (
	"syscall"
	"time"
)

// Moment is a time, on the wall and of this process, whose work others may hold up.
type Moment struct {
	wall time.Time
	used time.Duration
}

// Now returns the present moment.
func Now() Moment {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return Moment{time.Now(), time.Duration(time.Now().UnixNano())}
	}
	return Moment{time.Now(), time.Duration(u.Utime.Nano() + u.Stime.Nano())}
}

// Since returns how long was worked since a moment: the time of the process's
// threads together, but no more than has passed. It is a millisecond at least, so
// that whatever counts it comes to an end.
func Since(start Moment) time.Duration {
	now := Now()
	return max(time.Millisecond, min(now.wall.Sub(start.wall), now.used-start.used))
}
