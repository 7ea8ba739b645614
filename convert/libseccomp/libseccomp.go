//go:build libseccomp && cgo

package libseccomp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/seccomp/libseccomp-golang"

	"secco/bpf"
	"secco/linux"
)

// Available reports whether libseccomp is built in.
const Available = true

// mu serialises everything that goes to libseccomp, which keeps state of its own
// beside the filters.
var mu sync.Mutex

// Version returns libseccomp's version, such as "2.5.4".
func Version() (string, error) {
	major, minor, micro := seccomp.GetLibraryVersion()
	return fmt.Sprintf("%d.%d.%d", major, minor, micro), nil
}

// Native returns this machine's architecture.
func Native() (linux.Arch, error) {
	native, err := seccomp.GetNativeArch()
	if err != nil {
		return 0, err
	}
	for a, theirs := range kernelArches {
		if theirs == native {
			return a, nil
		}
	}
	return 0, fmt.Errorf("secco has no tables for libseccomp's native architecture %s", native)
}

// Syscall returns the number that libseccomp knows a syscall under; x32's carry
// linux.X32Bit. known is false where libseccomp has no such call on the
// architecture. Calls that an architecture has behind a multiplexer, socketcall
// or ipc, are known but have no number here, whether or not they have one of
// their own: direct is false.
func Syscall(arch linux.Arch, name string) (nr uint32, direct, known bool, err error) {
	a, ok := kernelArches[arch]
	if !ok {
		return 0, false, false, &ArchError{arch.String(), errors.New("libseccomp has none of this name")}
	}
	mu.Lock()
	defer mu.Unlock()
	n, err := seccomp.GetSyscallFromNameByArch(name, a)
	switch {
	case errors.Is(err, seccomp.ErrSyscallDoesNotExist):
		return 0, false, false, nil
	case err != nil:
		return 0, false, false, &ArchError{arch.String(), err}
	case n >= 0:
		return uint32(n), true, true, nil
	}
	// Numbers from -100 to -299 stand for the multiplexed calls, and are negative
	// for architectures without a multiplexer, too.
	_, socketcall := arch.Syscall("socketcall")
	return 0, false, socketcall && n <= -100 && n > -300, nil
}

// Build returns the program that libseccomp makes of a profile, behind what the
// runtime puts before it.
//
// A name that libseccomp doesn't know is skipped, as is a rule whose action is
// the default; a rule with two conditions on one argument becomes a rule for
// each of its conditions. All of that is what runc does.
func Build(profile *specs.LinuxSeccomp, opts Options) (bpf.Program, error) {
	mu.Lock()
	defer mu.Unlock()

	fallback, err := action(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, fmt.Errorf("default action: %w", err)
	}
	filter, err := seccomp.NewFilter(fallback)
	if err != nil {
		return nil, fmt.Errorf("new filter: %w", err)
	}
	defer filter.Release()
	native, err := settle(filter, opts.Native)
	if err != nil {
		return nil, err
	}
	for _, name := range profile.Architectures {
		arch, ok := arches[name]
		if !ok {
			return nil, fmt.Errorf("unknown architecture %q", name)
		}
		if err := filter.AddArch(arch); err != nil {
			return nil, &ArchError{string(name), err}
		}
	}
	// The profile's flags say how a program is loaded; they change nothing in it.
	if tree(profile, opts) {
		if err := filter.SetOptimize(2); err != nil {
			return nil, fmt.Errorf("binary tree: %w", err)
		}
	}
	if err := filter.SetNoNewPrivsBit(false); err != nil {
		return nil, fmt.Errorf("no_new_privs: %w", err)
	}
	for _, rule := range profile.Syscalls {
		for _, name := range rule.Names {
			if err := addRule(filter, name, rule, fallback); err != nil {
				return nil, fmt.Errorf("rule for %s: %w", name, err)
			}
		}
	}
	program, err := export(filter)
	if err != nil {
		return nil, err
	}
	before, err := stub(profile, opts.Runtime, native)
	return append(before, program...), err
}

// settle makes an architecture the native one of a filter that has this
// machine's, and returns it; 0 stands for this machine's.
func settle(filter *seccomp.ScmpFilter, native linux.Arch) (linux.Arch, error) {
	here, err := Native()
	if err != nil || native == 0 || native == here {
		return here, err
	}
	if native.BigEndian() != here.BigEndian() {
		// It would make one, but gets long ones wrong (2.5.4).
		return 0, &ArchError{native.String(), fmt.Errorf("its byte order is not that of %s, on which this runs", here)}
	}
	if err := filter.RemoveArch(kernelArches[here]); err != nil {
		return 0, fmt.Errorf("without architecture %s: %w", here, err)
	}
	if err := filter.AddArch(kernelArches[native]); err != nil {
		return 0, &ArchError{native.String(), err}
	}
	return native, nil
}

// tree reports whether libseccomp is to search by a binary tree. Runtimes count a
// rule for each name.
func tree(profile *specs.LinuxSeccomp, opts Options) bool {
	if opts.Tree != nil {
		return *opts.Tree
	}
	rules := 0
	for _, rule := range profile.Syscalls {
		rules += len(rule.Names)
	}
	return opts.Runtime.Trees(rules)
}

func addRule(filter *seccomp.ScmpFilter, name string, rule specs.LinuxSyscall, fallback seccomp.ScmpAction) error {
	act, err := action(rule.Action, rule.ErrnoRet)
	if err != nil {
		return err
	}
	if act == fallback {
		return nil
	}
	nr, err := seccomp.GetSyscallFromName(name)
	switch {
	case errors.Is(err, seccomp.ErrSyscallDoesNotExist): // it is skipped
		return nil
	case err != nil:
		return err
	case len(rule.Args) == 0:
		return filter.AddRule(nr, act)
	}
	var conds []seccomp.ScmpCondition
	used, twice := map[uint]bool{}, false
	for _, arg := range rule.Args {
		op, ok := operators[arg.Op]
		if !ok {
			return fmt.Errorf("unknown operator %q", arg.Op)
		}
		cond, err := seccomp.MakeCondition(arg.Index, op, arg.Value, arg.ValueTwo)
		if err != nil {
			return err
		}
		twice = twice || used[arg.Index]
		used[arg.Index] = true
		conds = append(conds, cond)
	}
	if !twice {
		return filter.AddRuleConditional(nr, act, conds)
	}
	for i := range conds {
		if err := filter.AddRuleConditional(nr, act, conds[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// export reads the finished program back through a pipe, which needs a reader
// beside the writer: programs are longer than a pipe holds.
func export(filter *seccomp.ScmpFilter) (bpf.Program, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	written := make(chan error, 1)
	go func() {
		written <- errors.Join(filter.ExportBPF(w), w.Close())
	}()
	raw, err := io.ReadAll(r)
	if err := errors.Join(<-written, err); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return bpf.Decode(raw, binary.NativeEndian)
}

func action(name specs.LinuxSeccompAction, data *uint) (seccomp.ScmpAction, error) {
	act, ok := actions[name]
	if !ok {
		return 0, fmt.Errorf("unknown action %q", name)
	}
	if act == seccomp.ActErrno || act == seccomp.ActTrace {
		code := int16(syscall.EPERM)
		if data != nil {
			code = int16(*data)
		}
		act = act.SetReturnCode(code)
	}
	return act, nil
}

var actions = map[specs.LinuxSeccompAction]seccomp.ScmpAction{
	specs.ActKill:        seccomp.ActKillThread,
	specs.ActKillThread:  seccomp.ActKillThread,
	specs.ActKillProcess: seccomp.ActKillProcess,
	specs.ActTrap:        seccomp.ActTrap,
	specs.ActErrno:       seccomp.ActErrno,
	specs.ActTrace:       seccomp.ActTrace,
	specs.ActAllow:       seccomp.ActAllow,
	specs.ActLog:         seccomp.ActLog,
	specs.ActNotify:      seccomp.ActNotify,
}

var operators = map[specs.LinuxSeccompOperator]seccomp.ScmpCompareOp{
	specs.OpNotEqual:     seccomp.CompareNotEqual,
	specs.OpLessThan:     seccomp.CompareLess,
	specs.OpLessEqual:    seccomp.CompareLessOrEqual,
	specs.OpEqualTo:      seccomp.CompareEqual,
	specs.OpGreaterEqual: seccomp.CompareGreaterEqual,
	specs.OpGreaterThan:  seccomp.CompareGreater,
	specs.OpMaskedEqual:  seccomp.CompareMaskedEqual,
}

var arches = map[specs.Arch]seccomp.ScmpArch{
	specs.ArchX86:         seccomp.ArchX86,
	specs.ArchX86_64:      seccomp.ArchAMD64,
	specs.ArchX32:         seccomp.ArchX32,
	specs.ArchARM:         seccomp.ArchARM,
	specs.ArchAARCH64:     seccomp.ArchARM64,
	specs.ArchMIPS:        seccomp.ArchMIPS,
	specs.ArchMIPS64:      seccomp.ArchMIPS64,
	specs.ArchMIPS64N32:   seccomp.ArchMIPS64N32,
	specs.ArchMIPSEL:      seccomp.ArchMIPSEL,
	specs.ArchMIPSEL64:    seccomp.ArchMIPSEL64,
	specs.ArchMIPSEL64N32: seccomp.ArchMIPSEL64N32,
	specs.ArchPPC:         seccomp.ArchPPC,
	specs.ArchPPC64:       seccomp.ArchPPC64,
	specs.ArchPPC64LE:     seccomp.ArchPPC64LE,
	specs.ArchRISCV64:     seccomp.ArchRISCV64,
	specs.ArchLOONGARCH64: seccomp.ArchLOONGARCH64,
	specs.ArchS390:        seccomp.ArchS390,
	specs.ArchS390X:       seccomp.ArchS390X,
}

var kernelArches = map[linux.Arch]seccomp.ScmpArch{
	linux.X86_64:   seccomp.ArchAMD64,
	linux.X32:      seccomp.ArchX32,
	linux.I386:     seccomp.ArchX86,
	linux.ARM:      seccomp.ArchARM,
	linux.ARM64:    seccomp.ArchARM64,
	linux.RISCV64:  seccomp.ArchRISCV64,
	linux.S390X:    seccomp.ArchS390X,
	linux.PPC64:    seccomp.ArchPPC64,
	linux.PPC64LE:  seccomp.ArchPPC64LE,
	linux.LOONG64:  seccomp.ArchLOONGARCH64,
	linux.MIPS64LE: seccomp.ArchMIPSEL64,
}
