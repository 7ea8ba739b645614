package compat_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/emulator"
	"secco/hook"
	"secco/hook/compat"
	"secco/lang"
	"secco/linux"
	"secco/source"
	"secco/test/alive"
)

const policyText = "read: 1\nwrite: arg0 == 1\n"

// verdict runs a program on a call of x86_64.
func verdict(t *testing.T, p bpf.Program, name string, args ...uint64) linux.Action {
	t.Helper()
	m, err := emulator.New(p)
	if err != nil {
		t.Fatal(err)
	}
	machine, _ := linux.ParseArch(runtime.GOARCH)
	nr, ok := machine.Syscall(name)
	if !ok {
		t.Fatal(name)
	}
	d := linux.SeccompData{NR: nr, Arch: machine.Audit()}
	copy(d.Args[:], args)
	return m.Run(&d)
}

func TestCompile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(path, []byte(policyText), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name                       string
		compile                    func(string, bool) (bpf.Program, error)
		enforce                    bool
		listed, negative, default_ linux.Action
	}{
		{"whitelist, enforced", compat.Compile, true, linux.Allow, linux.KillThread, linux.KillThread},
		{"whitelist", compat.Compile, false, linux.Allow, linux.Trace, linux.Trace},
		{"blacklist, enforced", compat.CompileBlacklist, true, linux.KillThread, linux.Allow, linux.Allow},
		{"blacklist", compat.CompileBlacklist, false, linux.Trace, linux.Allow, linux.Allow},
	} {
		for _, source := range []string{path, compat.InlineMarker + policyText} {
			p, err := c.compile(source, c.enforce)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []struct{ got, want linux.Action }{
				{verdict(t, p, "read"), c.listed},
				{verdict(t, p, "write", 1), c.listed},
				{verdict(t, p, "write", 2), c.negative},
				{verdict(t, p, "close"), c.default_},
			} {
				if v.got != v.want {
					t.Errorf("%s: %v, want %v", c.name, v.got, v.want)
				}
			}
		}
	}
}

func TestPrepare(t *testing.T) {
	p, err := compat.Prepare(compat.InlineMarker+"write: out(arg0)\n", compat.SeccompSettings{
		ExtraDefinitions:      []string{compat.InlineMarker + "out(fd) = fd == 1\n"},
		DefaultPositiveAction: "allow", DefaultNegativeAction: "EPERM", DefaultPolicyAction: "ENOSYS",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := verdict(t, p, "write", 2); got != linux.Errno.With(1) {
		t.Error(got)
	}
	var findings source.Diagnostics
	if _, err := compat.Prepare(compat.InlineMarker+"nonsense: 1\n", compat.SeccompSettings{}); !errors.As(err, &findings) {
		t.Errorf("%v", err)
	}
	if _, err := compat.Compile("/missing", true); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := compat.LoadFilter(compat.Filter{}); err == nil {
		t.Error("loaded a filter without a policy")
	}
}

const childVariable = "SECCO_COMPAT_TEST"

func TestMain(m *testing.M) {
	how := os.Getenv(childVariable)
	if how == "" {
		alive.Main()
		os.Exit(m.Run())
	}
	program, err := compat.Prepare(compat.InlineMarker+"getppid: 1\n", compat.SeccompSettings{DefaultPositiveAction: "EXFULL", DefaultNegativeAction: "allow", DefaultPolicyAction: "allow"})
	if err != nil {
		panic(err)
	}
	runtime.LockOSThread()
	switch how {
	case "load":
		err = errors.Join(compat.SetNoNewPrivs(), compat.LockedLoad(program))
	case "install":
		err = compat.Install(program)
	case "filter":
		machine, _ := linux.ParseArch(runtime.GOARCH)
		p, findings := lang.Load([]*source.File{source.NewFile("p", "DEFAULT_POSITIVE = EXFULL\nDEFAULT_NEGATIVE = allow\nDEFAULT_POLICY = allow\ngetppid: 1\n")}, lang.Options{Machine: machine})
		if findings.HasErrors() {
			panic(findings)
		}
		err = compat.LoadFilter(compat.Filter{NoNewPrivs: true, Flag: hook.TSYNC, Policy: p})
	}
	_, _, errno := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
	if err != nil || errno != unix.EXFULL {
		panic(errors.Join(err, errno))
	}
	os.Exit(0)
}

func TestInstall(t *testing.T) {
	if err := compat.CheckSupport(); err != nil || !compat.Supported() {
		t.Fatal(err)
	}
	for _, how := range []string{"load", "install", "filter"} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), childVariable+"="+how)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", how, err, strings.TrimSpace(string(out)))
		}
	}
}

// What is no regular file is refused, and not waited for.
func TestPrepareFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := compat.Compile(path, true); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
}
