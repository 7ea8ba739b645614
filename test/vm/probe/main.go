// Command probe loads a filter that allows everything. On a kernel whose BPF
// allocator is stuck (test/kernel, settle) it never ends and can't be killed;
// so nothing may wait for it.
package main

import (
	"fmt"
	"os"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

func main() {
	if err := hook.Install(bpf.Program{{Op: bpf.RetK, K: uint32(linux.Allow)}}, hook.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
	fmt.Println("loaded")
}
