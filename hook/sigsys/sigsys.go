// Package sigsys says which of this process's calls a filter has answered with
// trap, and by which rule.
//
// The kernel answers trap with a SIGSYS to the thread that made the call. It is
// forced: where nothing handles it, or it is blocked, the process ends. What the
// call was stands in the signal's siginfo and registers, which os/signal does not
// hand out; nor does it deliver SIGSYS at all. So this package puts a handler of
// its own in the place of the runtime's, a few instructions of assembly that use
// nothing of Go: no goroutine, no stack check, no thread-local memory. They run on
// the thread's signal stack, write a record to a pipe, make the call fail and
// return. A goroutine reads the pipe.
//
// A SIGSYS that no filter sent goes on to the runtime's handler, and ends the
// program as before. The handler ends with execve and in forked children: a
// program that this one becomes or starts dies of the first trap.
package sigsys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"secco/linux"
	"secco/policy"
	"secco/source"
)

// A Notice says that a call was answered with trap.
type Notice struct {
	// Call is what the filter was asked about. Its architecture and number are the
	// kernel's word; the arguments are the registers', from which the kernel takes
	// them as well.
	Call linux.SeccompData
	// Verdict is trap, with the data that the filter gave.
	Verdict linux.Action
	// Rule is where the policy that [Handle] was told of says so. It is zero without
	// a policy, for a default that the policy leaves open, and where the verdict is
	// not the policy's: then another filter of the process gave it.
	Rule source.Span
	// Lost is how many notices found the pipe full since the one before this.
	Lost uint64
}

// Errno is the error with which a call fails that was answered with this verdict:
// the trap's data where that is an errno, ENOSYS where it is 0 or beyond 4095.
func Errno(verdict linux.Action) unix.Errno {
	if n := unix.Errno(verdict.Data()); n >= 1 && n <= 4095 {
		return n
	}
	return unix.ENOSYS
}

// String returns the architecture, the call's name or number, the verdict and,
// where it is known, the rule: "x86_64 ptrace: trap(1), by web.secco:7".
func (n Notice) String() string {
	arch, name := fmt.Sprintf("architecture %#x", n.Call.Arch), fmt.Sprintf("call %d", n.Call.NR)
	if a, ok := linux.ArchOf(n.Call.Arch, n.Call.NR); ok {
		arch = a.String()
		if known, ok := a.SyscallName(n.Call.NR); ok {
			name = known
		}
	}
	text := fmt.Sprintf("%s %s: %v", arch, name, n.Verdict)
	if !n.Rule.IsZero() {
		text += ", by " + n.Rule.String()
	}
	return text
}

// handled is what Handle was last told.
type handled struct {
	policy *policy.Policy
	notify func(Notice)
}

var (
	installing sync.Mutex
	installed  bool
	current    atomic.Pointer[handled]
)

// What the handler reads and writes.
var (
	pipe     int32   //nolint:unused // where records are written to, by the handler in assembly
	previous uintptr //nolint:unused // the runtime's handler, which ours calls
	lost     uint64  // records that could not be written
)

// Handle makes this process go on after trap verdicts: the call fails with
// [Errno], and notify is called with a [Notice], one after the other, on a
// goroutine of its own. The policy is the one whose program is on the process, for
// the notice to name the rule; it may be nil. A second call replaces policy and
// notify of the first.
//
// Handle comes before the filter. The filter must allow rt_sigreturn, and write to
// a pipe: a trap of the handler's own calls ends the process. The Go runtime needs
// both anyway. What notify does had better not be trapped itself.
func Handle(p *policy.Policy, notify func(Notice)) error {
	if notify == nil {
		return errors.New("sigsys: nobody to notify")
	}
	installing.Lock()
	defer installing.Unlock()
	before := current.Swap(&handled{p, notify})
	if installed {
		return nil
	}
	if err := install(); err != nil {
		current.Store(before)
		return fmt.Errorf("sigsys: %w", err)
	}
	installed = true
	return nil
}

// sigaction is the kernel's struct sigaction.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	saSiginfo  = 0x4
	saRestorer = 0x0400_0000
	saOnstack  = 0x0800_0000
	saRestart  = 0x1000_0000
)

func install() error {
	var old sigaction
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSYS), 0, uintptr(unsafe.Pointer(&old)), 8, 0, 0); errno != 0 {
		return errno
	}
	const sigDfl, sigIgn = 0, 1
	if old.handler == sigDfl || old.handler == sigIgn { // in C programs that call Go
		return errors.New("the Go runtime does not handle SIGSYS in this program")
	}
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return err
	}
	pipe, previous = int32(ends[1]), old.handler
	action := sigaction{flags: saSiginfo | saOnstack | saRestart, mask: ^uint64(0)}
	action.handler, action.restorer = addresses()
	if action.restorer != 0 {
		action.flags |= saRestorer
	}
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSYS), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0); errno != 0 {
		return errors.Join(errno, unix.Close(ends[0]), unix.Close(ends[1]))
	}
	// The end that is written to is never closed: a handler may be using it.
	go read(os.NewFile(uintptr(ends[0]), "sigsys"))
	return nil
}

// addresses returns the handler and what it returns to, 0 where the kernel has
// that.
func addresses() (handler, restorer uintptr)

// The record that the handler writes: the beginning of siginfo, then registers.
const (
	infoSize   = 32
	recordSize = infoSize + 8*registers

	atErrno = 4
	atIP    = 16
	atNR    = 24
	atArch  = 28
)

// read hands out notices until the end of the process.
func read(from *os.File) {
	record := make([]byte, recordSize)
	for {
		// A record is less than PIPE_BUF: it comes whole or not at all.
		if n, err := from.Read(record); err != nil || n != recordSize {
			return
		}
		h := current.Load()
		n := parse(record)
		n.Lost = atomic.SwapUint64(&lost, 0)
		if h.policy != nil {
			if verdict, rule := h.policy.Eval(&n.Call); verdict == n.Verdict {
				n.Rule = rule
			}
		}
		h.notify(n)
	}
}

func parse(record []byte) Notice {
	ne := binary.NativeEndian
	n := Notice{Verdict: linux.Trap.With(uint16(ne.Uint32(record[atErrno:])))}
	n.Call.IP = ne.Uint64(record[atIP:])
	n.Call.NR = ne.Uint32(record[atNR:])
	n.Call.Arch = ne.Uint32(record[atArch:])
	for i, r := range argumentRegisters(n.Call.Arch) {
		n.Call.Args[i] = ne.Uint64(record[infoSize+8*r:])
	}
	return n
}
