package oracle_test

import (
	"fmt"

	"secco/bpf"
	"secco/hook/oracle"
	"secco/linux"
)

// What the running kernel makes of a program's verdicts on two ways to reboot, neither
// of which happens.
func ExampleObserve() {
	if err := oracle.Available(oracle.AMD64, oracle.I386); err != nil {
		fmt.Println(err)
		return
	}
	program := bpf.Program{
		{Op: bpf.LdW, K: linux.WordArch.Offset(false)},
		{Op: bpf.JeqK, K: linux.X86_64.Audit(), Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
		{Op: bpf.RetK, K: uint32(linux.KillProcess)},
	}
	calls := []oracle.Call{{Entry: oracle.AMD64, NR: 169}, {Entry: oracle.I386, NR: 88}}
	if err := oracle.Settle(); err != nil {
		fmt.Println(err)
		return
	}
	outcomes, err := oracle.Observe(program, calls)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, o := range outcomes {
		data := calls[i].Data()
		fmt.Println(calls[i].Entry.String(), calls[i].Filtered(), data.NR, o.Value)
	}
	// Output:
	// x86_64 true 169 allow
	// i386 true 88 kill_process
}

// The ways into the kernel of a process on this machine.
func ExampleEntries() {
	for _, e := range oracle.Entries() {
		fmt.Println(e)
	}
	// Output:
	// x86_64
	// i386
}

// How to come to a filter with what it is to see.
func ExampleCallFor() {
	for _, arch := range []linux.Arch{linux.I386, linux.ARM64} {
		call, ok := oracle.CallFor(linux.SeccompData{Arch: arch.Audit(), NR: 20})
		fmt.Println(arch, ok, call.Entry)
	}
	// Output:
	// i386 true i386
	// aarch64 false x86_64
}
