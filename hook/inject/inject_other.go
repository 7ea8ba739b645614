//go:build !amd64 && !arm64

package inject

import (
	"errors"
	"runtime"

	"secco/bpf"
	"secco/hook"
)

func supported() error {
	return errors.New("filters can't be injected on " + runtime.GOARCH + " yet: choose another way in")
}

func (t *tracer) inject(bpf.Program, hook.Flags) error { return supported() }
