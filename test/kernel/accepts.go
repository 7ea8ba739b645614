//go:build linux && (amd64 || arm64)

package kernel

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/test/alive"
)

// Accepts reports whether the kernel takes p as a seccomp filter, without
// installing it.
//
// One thread of this process, the guard, has a filter of its own. Another one
// asks for p to be installed on all threads at once (SECCOMP_FILTER_FLAG_TSYNC).
// The kernel checks p first, and refuses an invalid one; then it finds that the
// guard can't follow, since its filter is not one of the asking thread's, and
// names the guard instead of installing anything.
func Accepts(p bpf.Program) (bool, error) {
	if len(p) > 0xffff {
		return false, fmt.Errorf("%d instructions don't fit the length field", len(p))
	}
	accepter.once.Do(startAccepter)
	if accepter.err != nil {
		return false, accepter.err
	}
	if err := alive.Settle(); err != nil {
		return false, err
	}
	reply := make(chan answer)
	accepter.questions <- question{p, reply}
	a := <-reply
	return a.accepted, a.err
}

type question struct {
	program bpf.Program
	reply   chan answer
}

type answer struct {
	accepted bool
	err      error
}

var accepter struct {
	once      sync.Once
	err       error
	questions chan question
}

// startAccepter starts the two threads. They never serve other goroutines, so
// that neither the filter nor no_new_privs reach what else the process starts.
func startAccepter() {
	accepter.questions = make(chan question)
	guard := make(chan int64)
	go func() {
		runtime.LockOSThread()
		result := noNewPrivs()
		if result == 0 {
			result = install(bpf.Program{{Op: bpf.RetK, K: 0x7fff0000}}, 0)
		}
		if result == 0 {
			result = int64(unix.Gettid())
		}
		guard <- result
		select {} // the thread must live as long as questions come
	}()
	tid := <-guard
	if tid < 0 {
		accepter.err = fmt.Errorf("filter of the guard: %w", unix.Errno(-tid))
		return
	}
	ready := make(chan int64)
	go func() {
		runtime.LockOSThread()
		ready <- noNewPrivs()
		for q := range accepter.questions {
			var a answer
			switch result := install(q.program, unix.SECCOMP_FILTER_FLAG_TSYNC); result {
			case tid:
				a.accepted = true
			case -int64(unix.EINVAL):
			default:
				a.err = fmt.Errorf("seccomp(2) gave %d, neither EINVAL nor the guard's thread %d", result, tid)
			}
			q.reply <- a
		}
	}()
	if result := <-ready; result < 0 {
		accepter.err = fmt.Errorf("no_new_privs: %w", unix.Errno(-result))
	}
}

// install returns what seccomp(2) does, a negative errno where it fails.
func install(p bpf.Program, flags uintptr) int64 {
	code := append(bpf.Encode(p, binary.NativeEndian), 0) // one byte more: there is an address even for no instructions
	fprog := struct {
		length uint16
		filter *byte
	}{uint16(len(p)), &code[0]}
	r, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&fprog)))
	runtime.KeepAlive(&fprog)
	if errno != 0 {
		return -int64(errno)
	}
	return int64(r)
}

func noNewPrivs() int64 {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	return -int64(errno)
}
