// Package nofile remembers the limit of open files that this process was started
// with. The syscall package raises the soft limit when a Go program starts;
// a command that the process becomes shall get what was there before.
//
// It works by being initialised first: packages that are ready to be initialised
// are taken in the order of their import paths, and this one imports nothing.
package nofile

// Limit is struct rlimit64.
type Limit struct{ Soft, Hard uint64 }

var initial, known = read()

// Initial returns the limit at the start; ok is false where it could not be read.
func Initial() (l Limit, ok bool) { return initial, known }

func read() (l Limit, ok bool) {
	const rlimitNofile = 7
	ok = prlimit(0, rlimitNofile, nil, &l) == 0
	return l, ok
}

// prlimit is prlimit64(2); the result is a negative errno where it fails.
func prlimit(pid, resource uintptr, set, get *Limit) uintptr
