package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"secco/bpf"
	"secco/hook/policies"
	"secco/test/alive"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "secco-wrap" && filepath.Base(os.Args[0]) != "compile" { // the commands are this program, too
		alive.Main()
	}
	testscript.Main(m, map[string]func(){
		"secco-wrap": main,
		"compile":    compile,
	})
}

// compile writes the program of a policy: compile FILE.secco FILE.bpf
func compile() {
	f, err := policies.Store{}.LoadFile(os.Args[1])
	if err == nil {
		err = os.WriteFile(os.Args[2], bpf.Encode(f.Program, binary.NativeEndian), 0o644)
	}
	if err != nil {
		panic(err)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"code": code,
		},
		Condition: func(cond string) (bool, error) { return cond == "root" && os.Getuid() == 0, nil },
	})
}

// code runs a command that must end with an exit code: code N CMD...
func code(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: code N CMD...")
	}
	// exit codes are told by a shell, which testscript's exec doesn't show
	err = ts.Exec("/bin/sh", append([]string{"-c", `"$@"; code=$?; [ "$code" = "$0" ] || { echo "exit code $code" >&2; exit 1; }`, strconv.Itoa(want)}, args[1:]...)...)
	if err != nil {
		ts.Fatalf("%v: %v, want exit code %d", args[1:], err, want)
	}
}
