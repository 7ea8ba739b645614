package worktime

import (
	"testing"
	"time"
)

// Waiting is no work, and work is counted.
func TestSince(t *testing.T) {
	start := Now()
	time.Sleep(300 * time.Millisecond)
	if got := Since(start); got > 250*time.Millisecond {
		t.Errorf("%v of sleep", got)
	}
	start = Now()
	for n := 0; Since(start) < 20*time.Millisecond; n++ {
	}
}
