package hook_test

import (
	"fmt"
	"os"

	"secco/bpf"
	"secco/hook"
	"secco/linux"
)

// A program that becomes another command under a filter: here one that refuses
// uname on x86_64. Real programs come from a policy, by compiler.Compile.
func ExampleExec() {
	program := bpf.Program{
		{Op: bpf.LdW, K: linux.WordNR.Offset(false)},
		{Op: bpf.JeqK, K: 63, Jf: 1},
		{Op: bpf.RetK, K: uint32(linux.Errno.With(1))},
		{Op: bpf.RetK, K: uint32(linux.Allow)},
	}
	path, err := hook.Look("uname")
	if err == nil {
		err = hook.Exec(program, hook.Options{}, path, []string{"uname"}, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err) // Exec does not return where it succeeds
	os.Exit(125)
}
