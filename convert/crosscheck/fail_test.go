//go:build libseccomp && cgo

package crosscheck

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/convert"
	"secco/linux"
)

// TestTheCheckCanFail gives libseccomp profiles that are not the policy's.
func TestTheCheckCanFail(t *testing.T) {
	p := load(t, "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\nread: 1\nwrite: arg0 == 0x100000001\n", []linux.Arch{linux.X86_64})
	good, err := convert.ToOCI(p, convert.Options{})
	if err != nil {
		t.Fatal(err)
	}
	enosys := uint(38)
	change := func(f func(*specs.LinuxSeccomp)) *specs.LinuxSeccomp {
		c := *good
		c.Syscalls = append([]specs.LinuxSyscall(nil), good.Syscalls...)
		f(&c)
		return &c
	}
	for name, tc := range map[string]struct {
		profile *specs.LinuxSeccomp
		want    string // of the error; empty where there is none
	}{
		"good":        {good, ""},
		"a rule less": {change(func(p *specs.LinuxSeccomp) { p.Syscalls = p.Syscalls[1:] }), "x86_64 read()"},
		"a rule more": {change(func(p *specs.LinuxSeccomp) { p.Syscalls[0].Names = []string{"read", "close"} }), "x86_64 close("},
		"other errno": {change(func(p *specs.LinuxSeccomp) { p.DefaultErrnoRet = &enosys }), "errno(ENOSYS) in libseccomp's"},
		"one bit": {change(func(p *specs.LinuxSeccomp) {
			p.Syscalls[1].Args = []specs.LinuxSeccompArg{{Index: 0, Op: specs.OpEqualTo, Value: 1}}
		}), "x86_64 write(0x1"},
		"another arch": {change(func(p *specs.LinuxSeccomp) { p.Architectures = append(p.Architectures, specs.ArchX32) }), "x32 "},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := check(context.Background(), p, tc.profile, convert.Options{})
			if err != nil {
				t.Fatal(err)
			}
			err = report.Err()
			switch {
			case tc.want == "" && (err != nil || !report.Proved):
				t.Errorf("got %v, proved: %v", err, report.Proved)
			case tc.want != "" && (err == nil || report.Proved || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, proved: %v; want %s", err, report.Proved, tc.want)
			}
		})
	}
}

// TestOpened has a rule that an old libseccomp leaves out of the profile.
func TestOpened(t *testing.T) {
	text := "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = allow\nlistns: return EPERM\n"
	p := load(t, text, []linux.Arch{linux.X86_64})
	report, err := Verify(context.Background(), p, convert.Options{WithoutLibseccomp: true})
	if err != nil {
		t.Fatal(err)
	}
	var loss *convert.LossError
	if _, err := convert.ToOCI(p, convert.Options{}); errors.As(err, &loss) != (len(report.Unknown) > 0) || err != nil && !strings.Contains(err.Error(), "does not know it") {
		t.Errorf("converted with libseccomp: %v", err)
	}
	if len(report.Unknown) == 0 {
		t.Skip("this libseccomp knows listns")
	}
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "does not know listns") || report.Different > 0 {
		t.Errorf("got %v", err)
	}
}
