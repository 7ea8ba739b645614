package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/hook/inject"
)

// ReadState reads the state that a runtime hands to a hook, and makes sure that
// it is one of a container that is being created, seen from the host.
func ReadState(r io.Reader) (*specs.State, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("reading the container's state: %w", err)
	}
	if len(text) > maxConfig {
		return nil, errors.New("the container's state is too large")
	}
	if _, err := parseObject(text); err != nil {
		return nil, fmt.Errorf("the container's state: %w", err)
	}
	var s specs.State
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, fmt.Errorf("the container's state: %w", err)
	}
	return &s, checkState(&s)
}

func checkState(s *specs.State) error {
	self, err := os.Readlink("/proc/self")
	switch {
	case err != nil:
		return err
	case self != strconv.Itoa(os.Getpid()):
		return errors.New("/proc is another PID namespace's: this stage runs inside the container; use prestart or createRuntime")
	case s.Status != specs.StateCreating && s.Status != specs.StateCreated:
		return fmt.Errorf("the container is %q, not being created: use prestart or createRuntime", s.Status)
	case s.Pid <= 1:
		return fmt.Errorf("the container's state has process id %d", s.Pid)
	case !filepath.IsAbs(s.Bundle):
		return fmt.Errorf("the container's state has the bundle %q", s.Bundle)
	}
	return nil
}

// checkInit makes sure that a process is the container's init: like this hook it
// is a child of the runtime. Or it was one's whose process in between has ended, as
// crun makes inits that join others' namespaces: then one of the runtime's
// ancestors has it, and it is still the runtime's program with the same arguments.
func checkInit(pid, runtime int) error {
	parent, err := inject.ParentOf(pid)
	if err != nil {
		return fmt.Errorf("the container's process %d: %w", pid, err)
	}
	if parent == runtime || isAncestor(parent, runtime) && sameCommand(pid, runtime) {
		return nil
	}
	return fmt.Errorf("process %d is not the container's init: its parent is %d, the runtime is %d", pid, parent, runtime)
}

func isAncestor(pid, of int) bool {
	for of > 1 {
		parent, err := inject.ParentOf(of)
		if err != nil {
			return false
		}
		if parent == pid {
			return true
		}
		of = parent
	}
	return false
}

// sameCommand reports whether two processes run the same program with the same
// arguments.
func sameCommand(a, b int) bool {
	var info [2]os.FileInfo
	var args [2][]byte
	for i, pid := range []int{a, b} {
		var err error
		if info[i], err = os.Stat(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
			return false
		}
		if args[i], err = os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err != nil {
			return false
		}
	}
	return os.SameFile(info[0], info[1]) && len(args[0]) > 0 && bytes.Equal(args[0], args[1])
}

// configOf returns the config.json of a hook's container.
func configOf(s *specs.State) (*Config, error) {
	return ReadConfig(filepath.Join(s.Bundle, "config.json"))
}

// capabilitiesOf returns what reads the capabilities of a hook's container.
func capabilitiesOf(s *specs.State) func() ([]string, error) {
	return func() ([]string, error) {
		c, err := configOf(s)
		if err != nil {
			return nil, err
		}
		return c.Capabilities()
	}
}
