// Package oracle asks the running kernel what seccomp programs do.
//
// [Observe] installs a program, in a process made for the purpose, in which every
// return has become a distinct errno: no call that it is asked about is ever carried
// out, and the errno tells which return was reached.
//
//	outcomes, err := oracle.Observe(program, calls)
//	// outcomes[i].Value is what the program returns for calls[i].Data()
//
// It needs seccomp filters and a kernel for x86_64 or aarch64; [Available] says what is
// missing.
package oracle

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"secco/bpf"
	"secco/linux"
)

// Entry is a way into the kernel.
type Entry uint8

// The entries of processes on x86_64 and on aarch64.
const (
	AMD64 Entry = iota // syscall; x32 calls too, with linux.X32Bit
	I386               // int 0x80
	ARM64              // svc
)

var arches = [...]linux.Arch{AMD64: linux.X86_64, I386: linux.I386, ARM64: linux.ARM64}

// Entries returns those of a process on this machine, its own architecture's first.
func Entries() []Entry { return slices.Clone(entries) }

// String returns the name of the architecture whose calls enter here.
func (e Entry) String() string { return arches[e].String() }

// Call is a system call to be issued, exactly so: the arguments are 64-bit
// registers for either entry.
type Call struct {
	Entry Entry
	NR    uint32
	Args  [6]uint64
}

// CallFor returns the call with which a process on this machine comes to a filter with
// such data, but for the instruction pointer; ok is false where there is none.
func CallFor(d linux.SeccompData) (c Call, ok bool) {
	for _, e := range entries {
		if d.Arch == arches[e].Audit() {
			return Call{e, d.NR, d.Args}, true
		}
	}
	return Call{}, false
}

// Data returns what a filter sees of the call, the instruction pointer included.
func (c Call) Data() linux.SeccompData {
	return linux.SeccompData{NR: c.NR, Arch: arches[c.Entry].Audit(), IP: uint64(after(c.Entry)), Args: c.Args}
}

// Filtered reports whether filters are asked about the call. Newer kernels (6.18
// does) let two of x86_64's pass by them: uretprobe and uprobe, by which traced
// functions come to the kernel. Made anywhere else they fail.
func (c Call) Filtered() bool {
	const uretprobe, uprobe = 335, 336
	return c.Entry != AMD64 || c.NR != uretprobe && c.NR != uprobe
}

// Outcome is what a program did about a call.
type Outcome struct {
	Value  linux.Action // what it returned
	Return int          // the return that was reached; -1 where a division by 0 ended it
}

// result is what became of a call.
type result struct {
	Kind  kind
	Value int64 // returned: what the call returned; trapped: si_errno
}

type kind uint8

const (
	notRun   kind = iota
	returned      // the call came back
	trapped       // SIGSYS from seccomp came instead
	killed        // the child died in the call
)

// Observe returns what p does in the kernel about each call, which must be
// [Call.Filtered]. A program may have 4091 returns, and with ret a 4092
// instructions.
func Observe(p bpf.Program, calls []Call) ([]Outcome, error) {
	for _, c := range calls {
		if !c.Filtered() {
			return nil, fmt.Errorf("%+v: the kernel asks no filter about it", c)
		}
	}
	marked, err := mark(p)
	if err != nil {
		return nil, err
	}
	results, err := run(marked, calls)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(calls))
	var open []int // calls that ended in ret a
	for i, r := range results {
		switch r.Kind {
		case returned:
			at, ok := unmark(p, r.Value)
			if !ok {
				return nil, fmt.Errorf("%+v: the call returned %d, which no return of the program stands for", calls[i], r.Value)
			}
			outcomes[i] = Outcome{linux.Action(p[at].K), at}
			if p[at].Op == bpf.RetA {
				outcomes[i].Value = 0
				open = append(open, i)
			}
		case killed:
			outcomes[i] = Outcome{linux.KillThread, -1}
		default:
			return nil, fmt.Errorf("%+v: the call trapped under a program of errnos", calls[i])
		}
	}
	if len(open) == 0 {
		return outcomes, nil
	}
	again := make([]Call, len(open))
	for i, at := range open {
		again[i] = calls[at]
	}
	for shift := uint32(0); shift < 32; shift += window {
		results, err := run(exposeA(marked, p, shift), again)
		if err != nil {
			return nil, err
		}
		for i, at := range open {
			if results[i].Kind != returned {
				return nil, fmt.Errorf("%+v: the call did not return", again[i])
			}
			outcomes[at].Value |= linux.Action(-results[i].Value << shift)
		}
	}
	return outcomes, nil
}

// The errnos that stand for returns: not those that ask the kernel to restart a
// call (ERESTARTSYS 512 to ERESTART_RESTARTBLOCK 516), up to the largest that it
// passes on.
const (
	restartFirst, restartCount = 512, 5

	maxReturns = linux.MaxErrno + 1 - restartCount
)

// mark makes the nth return, from 0, return the nth errno.
func mark(p bpf.Program) (bpf.Program, error) {
	marked := append(bpf.Program(nil), p...)
	n := uint32(0)
	for i, in := range p {
		if in.Op != bpf.RetK && in.Op != bpf.RetA {
			continue
		}
		if n == maxReturns {
			return nil, fmt.Errorf("more than %d returns", maxReturns)
		}
		errno := n
		if errno >= restartFirst {
			errno += restartCount
		}
		marked[i] = bpf.Instruction{Op: bpf.RetK, K: uint32(linux.Errno) | errno}
		n++
	}
	return marked, nil
}

// unmark returns the return of p that the result of a call stands for.
func unmark(p bpf.Program, result int64) (at int, ok bool) {
	n := -result
	if n >= restartFirst {
		n -= restartCount
	}
	for i, in := range p {
		if in.Op == bpf.RetK || in.Op == bpf.RetA {
			if n == 0 {
				return i, true
			}
			n--
		}
	}
	return 0, false
}

// window is how many bits an errno shows of A.
const window = 12

// exposeA makes each ret a of p, marked so far, return bits of A from shift up
// as an errno. A jump to a common end takes its place, so that nothing moves.
func exposeA(marked, p bpf.Program, shift uint32) bpf.Program {
	exposed := append(bpf.Program(nil), marked...)
	for i, in := range p {
		if in.Op == bpf.RetA {
			exposed[i] = bpf.Instruction{Op: bpf.Ja, K: uint32(len(p) - i - 1)}
		}
	}
	return append(exposed,
		bpf.Instruction{Op: bpf.RshK, K: shift},
		bpf.Instruction{Op: bpf.AndK, K: 1<<window - 1},
		bpf.Instruction{Op: bpf.OrK, K: uint32(linux.Errno)},
		bpf.Instruction{Op: bpf.RetA})
}

// Available returns nil where calls by all of the entries can be observed on this
// machine, else what is missing. It finds out by trying, once.
func Available(needed ...Entry) error {
	if len(entries) == 0 {
		return fmt.Errorf("calls can't be observed on %s yet", runtime.GOARCH)
	}
	for _, e := range append(needed, entries[0]) {
		if !slices.Contains(entries, e) {
			return fmt.Errorf("there are no %v calls on %v", e, entries[0])
		}
		probes[e].once.Do(func() { probes[e].err = probe(e) })
		if err := probes[e].err; err != nil {
			return fmt.Errorf("the kernel can't be asked about %v calls: %w", e, err)
		}
	}
	return nil
}

var probes [len(arches)]struct {
	once sync.Once
	err  error
}

// probe tries a filter. A kernel that does not come back from it is stuck: see
// [Settle].
func probe(e Entry) error {
	const errno = 1234
	done := make(chan error, 1)
	go func() {
		p := bpf.Program{{Op: bpf.RetK, K: uint32(linux.Errno) | errno}}
		r, err := run(p, []Call{{Entry: e, NR: syscall.SYS_GETPID}})
		if err == nil && r[0] != (result{returned, -errno}) {
			err = fmt.Errorf("a filter that returns errno %d gave %+v", errno, r[0])
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("seccomp(2) does not come back")
	}
}
