// Package alive lets tests that install filters find out first whether the kernel
// still does that. Kernels have been seen (6.18) in which installing and freeing
// many programs at once ends in a deadlock: seccomp(2) blocks for ever, and what
// called it can't be killed. A test that went on would hang, and all behind it.
package alive

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"secco/hook"
	"secco/hook/oracle"
)

const variable = "SECCO_TEST_ALIVE"

// The check runs in a process of its own, which is left behind where it hangs:
// this test program again, before any of its tests.
func init() {
	if os.Getenv(variable) == "" {
		return
	}
	if s := hook.Probe(); !s.Filter {
		fmt.Fprintln(os.Stderr, s.Err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Check returns an error where no filter can be installed.
func Check() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), variable+"=1")
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("no filter can be installed here: %w", err)
		}
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("seccomp(2) does not return: this kernel installs no filters until it is rebooted")
	}
}

// Main ends a test program where no filter can be installed: its tests would hang.
// It is for TestMain.
func Main() {
	if err := Check(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		os.Exit(1)
	}
}

// Settle is to be called before every program that is given to the kernel, where
// there are many: see [oracle.Settle].
func Settle() error { return oracle.Settle() }
