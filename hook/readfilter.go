package hook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/bpf"
)

// ErrNoFilter means that a thread has no filter of this index.
var ErrNoFilter = errors.New("no such filter")

// ReadFilter returns a filter of a living thread as the kernel holds it. Index 0
// is the filter that was installed first. The thread is stopped for a moment.
//
// It needs CAP_SYS_ADMIN in the initial user namespace, a caller without filters
// and a thread that nothing else traces. The error is [ErrNoFilter] beyond the
// last filter.
func ReadFilter(tid, index int) (bpf.Program, error) {
	programs, err := readFilters(tid, index, index+1)
	if err != nil {
		return nil, err
	}
	return programs[0], nil
}

// ReadFilters returns all filters of a living thread, oldest first. The kernel
// asks them all, and the strictest verdict counts. See [ReadFilter].
func ReadFilters(tid int) ([]bpf.Program, error) {
	const enough = 1 << 16 // more than the kernel's bound of 32768 instructions
	programs, err := readFilters(tid, 0, enough)
	if errors.Is(err, ErrNoFilter) {
		return nil, nil
	}
	return programs, err
}

// readFilters returns the filters of the indices from first up to end, as far as
// there are any; none is an error.
func readFilters(tid, first, end int) (programs []bpf.Program, err error) {
	// The thread ends with the work, and with it the tracing.
	err = onThrowawayThread(func() error {
		signal, err := stop(tid)
		if err != nil {
			return fmt.Errorf("reading the filters of %d: %w", tid, err)
		}
		defer func() {
			_, _, _ = unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(tid), 0, uintptr(signal), 0, 0)
		}()
		for i := first; i < end; i++ {
			p, err := ReadTracedFilter(tid, i)
			if errors.Is(err, ErrNoFilter) && i > first {
				break
			}
			if err != nil {
				return fmt.Errorf("reading filter %d of %d: %w", i, tid, err)
			}
			programs = append(programs, p)
		}
		return nil
	})
	return programs, err
}

// stop traces a thread and waits for it to stop; signal is one that was on its
// way and is to be passed on.
func stop(tid int) (signal unix.Signal, err error) {
	if err := unix.PtraceSeize(tid); err == unix.EPERM {
		return 0, fmt.Errorf("%w: it can't be traced, or is traced already", err)
	} else if err != nil {
		return 0, err
	}
	if err := unix.PtraceInterrupt(tid); err != nil {
		return 0, err
	}
	for wait := time.Duration(0); wait < 5*time.Second; {
		var status unix.WaitStatus
		got, err := unix.Wait4(tid, &status, unix.WNOHANG|unix.WALL, nil)
		switch {
		case err != nil && err != unix.EINTR:
			return 0, err
		case got == tid && status.Stopped() && status>>16 == unix.PTRACE_EVENT_STOP:
			return 0, nil
		case got == tid && status.Stopped():
			return status.StopSignal(), nil
		case got == tid:
			return 0, errors.New("it has ended")
		}
		time.Sleep(time.Millisecond / 10)
		wait += time.Millisecond / 10
	}
	return 0, errors.New("it doesn't stop")
}

// ReadTracedFilter is [ReadFilter] for a thread that the calling thread traces and
// has stopped.
func ReadTracedFilter(tid, index int) (bpf.Program, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(tid), uintptr(index), 0, 0, 0)
	if errno == 0 {
		raw := make([]byte, n*bpf.InstructionSize)
		if _, _, errno = unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(tid), uintptr(index), uintptr(unsafe.Pointer(&raw[0])), 0, 0); errno == 0 {
			return bpf.Decode(raw, binary.NativeEndian)
		}
	}
	switch errno {
	case unix.ENOENT, unix.EINVAL: // EINVAL: it isn't in filter mode
		return nil, ErrNoFilter
	case unix.EACCES:
		return nil, fmt.Errorf("%w: it takes CAP_SYS_ADMIN and a reader without filters", errno)
	case unix.EIO:
		return nil, fmt.Errorf("%w: this kernel can't tell (CONFIG_CHECKPOINT_RESTORE)", errno)
	}
	return nil, errno
}
