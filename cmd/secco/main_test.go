package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"secco/convert/libseccomp"
	"secco/hook/oracle"
)

var update = flag.Bool("update", false, "write what the commands print into the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"secco": main})
}

// TestScripts runs the commands as users do. "exits N secco ..." expects an exit
// code; "! exec" is not enough where the code says what happened.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "libseccomp":
				return libseccomp.Available, nil
			case "kernel": // with CI set it has to be there
				return os.Getenv("CI") != "" || oracle.Available(oracle.AMD64, oracle.I386) == nil, nil
			case "zsh", "fish": // likewise
				_, err := exec.LookPath(cond)
				return os.Getenv("CI") != "" || err == nil, nil
			case "root":
				return os.Getuid() == 0, nil
			}
			return false, errors.New("unknown condition")
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
