//go:build !amd64

package oracle

import (
	"errors"
	"runtime"

	"secco/bpf"
)

func run(bpf.Program, []Call) ([]result, error) {
	return nil, errors.New("calls can't be observed on " + runtime.GOARCH + " yet")
}

func afterSyscall() uintptr { return 0 }
func afterInt80() uintptr   { return 0 }
