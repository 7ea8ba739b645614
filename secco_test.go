package secco_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"secco"
	"secco/hook"
	"secco/lang"
	"secco/linux"
	"secco/source"
	"secco/test/alive"
)

// execVariable has this program run the example that becomes another command.
const execVariable = "SECCO_EXAMPLE_EXEC"

func TestMain(m *testing.M) {
	if os.Getenv(execVariable) != "" {
		ExampleProgram_Exec()
	}
	alive.Main()
	os.Exit(m.Run())
}

func TestExampleExec(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), execVariable+"=1", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.HasPrefix(string(out), "uname: ") || !strings.Contains(string(out), "not permitted") {
		t.Errorf("uname under the filter: %v\n%s", err, out)
	}
}

func eval(t *testing.T, p *secco.Policy, arch linux.Arch, name string, args ...uint64) secco.Action {
	t.Helper()
	call, err := secco.CallOf(arch, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := p.Eval(call)
	return a
}

// What is built in code means what the same text in the language does.
func TestBuilderAgainstText(t *testing.T) {
	b := secco.New(secco.KillProcess, linux.X86_64, linux.I386)
	b.Add(secco.Allow, "read", "write", "read")
	b.AddIf(secco.Log, "socket", secco.ArgL(0).Equal(1), secco.AnyOf(secco.ArgL(1).Equal(2), secco.ArgL(1).Equal(3)))
	b.AddIf(secco.Errno(unix.EACCES), "socket", secco.ArgL(0).Less(5))
	b.AddIf(secco.Allow, "mmap", secco.Arg(1).Greater(1<<33), secco.Arg(2).NoBits(unix.PROT_EXEC))
	b.AddIf(secco.Trap(3), "mmap", secco.Arg(1).LessOrEqual(7))
	b.Add(secco.Trace(9), "mmap")
	got, err := b.Policy()
	if err != nil {
		t.Fatal(err)
	}
	want, err := secco.Load("p.secco", `ARCHES = x86_64, i386
DEFAULT_POLICY = kill_process
read, write: return allow
socket {
	argL0 == 1 && in(argL1, 2, 3) -> log
	argL0 < 5 -> EACCES
	else -> kill_process
}
mmap {
	arg1 > 1 << 33 && arg2 & PROT_EXEC == 0 -> allow
	arg1 <= 7 -> trap(3)
	else -> trace(9)
}
`)
	if err != nil {
		t.Fatal(err)
	}
	if err := secco.ProveEqual(got, want); err != nil {
		t.Errorf("%v\n%s", err, got)
	}
	if !strings.Contains(got.String(), "ARCHES = x86_64, i386") {
		t.Error(got)
	}
}

// The rule that decides is named by its place in the Go program.
func TestBuilderPlaces(t *testing.T) {
	b := secco.New(secco.KillProcess, linux.X86_64)
	b.AddIf(secco.Allow, "write", secco.ArgL(0).Equal(1)) // the place
	p, err := b.Policy()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("secco_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for arg, want := range map[uint64]string{1: "// the place", 2: "b := secco.New("} {
		call, err := secco.CallOf(linux.X86_64, "write", arg)
		if err != nil {
			t.Fatal(err)
		}
		_, rule := p.Eval(call)
		at := rule.Position()
		if at.File != "secco_test.go" || !strings.Contains(lines[at.Line-1], want) {
			t.Errorf("write(%d) is decided at %v, %q", arg, rule, lines[at.Line-1])
		}
	}
}

func TestBuilderWrong(t *testing.T) {
	for name, c := range map[string]struct {
		build func(b *secco.Builder)
		want  string
	}{
		"syscall":           {func(b *secco.Builder) { b.Add(secco.Allow, "opennat") }, "error[unknown-syscall]"},
		"no name":           {func(b *secco.Builder) { b.Add(secco.Allow, "") }, "error[unknown-syscall]"},
		"more than a name":  {func(b *secco.Builder) { b.Add(secco.Allow, "read: 1\nwrite") }, "error[unknown-syscall]"},
		"a group":           {func(b *secco.Builder) { b.AddIf(secco.Allow, "@io", secco.Arg(0).Equal(1)) }, "error[unknown-syscall]"},
		"argument":          {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.Arg(6).Equal(1)) }, "error[bad-condition]: the rule for \"read\": there is no argument 6: they are 0 to 5"},
		"negative argument": {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.Arg(-1).In(1)) }, "error[bad-condition]: the rule for \"read\": there is no argument -1"},
		"no condition":      {func(b *secco.Builder) { b.AddIf(secco.Allow, "read") }, "error[no-condition]"},
		"zero condition":    {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.Condition{}) }, "error[bad-condition]: the rule for \"read\": a zero Condition"},
		"zero argument":     {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.Argument{}.AnyBits(3)) }, "error[bad-condition]: the rule for \"read\": the zero Argument"},
		"one of none":       {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.AnyOf()) }, "error[bad-condition]: the rule for \"read\": AnyOf takes at least one"},
		"in nothing":        {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.Arg(0).In()) }, "error[bad-condition]: the rule for \"read\": In and NotIn take"},
		"the second, inside": {func(b *secco.Builder) {
			b.AddIf(secco.Allow, "read", secco.Arg(2).Equal(1), secco.AnyOf(secco.Arg(1).Equal(1), secco.Not(secco.Not(secco.Condition{}))))
		}, "error[bad-condition]: the rule for \"read\": a zero Condition"},
		"no syscall":            {func(b *secco.Builder) { b.Add(secco.Allow) }, "error[no-syscall]"},
		"nothing named":         {func(b *secco.Builder) { b.Delete() }, "error[no-syscall]"},
		"combined with nothing": {func(b *secco.Builder) { b.Combine(nil) }, "error[no-builder]"},
		"too wide":              {func(b *secco.Builder) { b.AddIf(secco.Allow, "read", secco.ArgL(0).Equal(1<<32)) }, "error[constant-range]"},
		"can be dodged":         {func(b *secco.Builder) { b.AddIf(secco.KillProcess, "socket", secco.Arg(0).Equal(16)) }, "error[wide-comparison]"},
		"never reached":         {func(b *secco.Builder) { b.Add(secco.Allow, "read"); b.Add(secco.Log, "read") }, "error[duplicate-rule]"},
		"nothing to delete":     {func(b *secco.Builder) { b.Delete("read") }, "error[nothing-to-remove]"},
		"errno":                 {func(b *secco.Builder) { b.Add(secco.Errno(4096), "read") }, "error[bad-action]"},
		"large errno":           {func(b *secco.Builder) { b.Add(secco.Errno(1<<16+1), "read") }, "error[bad-action]"},
		"action":                {func(b *secco.Builder) { b.Add(0x12340000, "read") }, "error[bad-action]"},
		"of what is combined": {func(b *secco.Builder) {
			other := secco.New(secco.Allow)
			other.AddIf(secco.Allow, "read")
			b.Combine(other)
		}, "error[no-condition]"},
	} {
		b := secco.New(secco.KillProcess, linux.X86_64)
		c.build(b)
		p, err := b.Policy()
		var findings source.Diagnostics
		if p != nil || !errors.As(err, &findings) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "secco_test.go:") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, arches := range [][]linux.Arch{{0}, {200}, {200, linux.X86_64}} {
		b := secco.New(secco.Errno(unix.EPERM), arches...)
		b.Add(secco.Errno(unix.EACCES), "read")
		var findings source.Diagnostics
		if _, err := b.Policy(); !errors.As(err, &findings) || len(findings) != 1 || findings[0].Code != "unknown-arch" || findings[0].Span.Position().File != "secco_test.go" {
			t.Errorf("architectures %v: %v", arches, err)
		}
		if _, err := secco.CallOf(arches[0], "read"); err == nil {
			t.Errorf("a call of architecture %v", arches)
		}
	}
	if _, err := secco.New(0x7ff10000).Policy(); err == nil || !strings.Contains(err.Error(), "bad-action") {
		t.Error(err)
	}
}

// What is no policy, program or builder is an error, and never a panic.
func TestNothing(t *testing.T) {
	p, err := secco.New(secco.Allow).Policy()
	if err != nil {
		t.Fatal(err)
	}
	for _, none := range []*secco.Policy{nil, {}} {
		_, compileErr := secco.Compile(none)
		_, leftErr := secco.Union(none, p)
		_, rightErr := secco.Intersection(p, none)
		for i, err := range []error{compileErr, leftErr, rightErr, none.Test(), secco.ProveEqual(none, p), secco.ProveStricter(p, none), secco.ProveEqual(none, none)} {
			if err == nil || !strings.Contains(err.Error(), "there is no policy") {
				t.Errorf("%d: %v", i, err)
			}
		}
		if a, rule := none.Eval(secco.Call{}); a != secco.KillProcess || !rule.IsZero() {
			t.Errorf("%v by %v", a, rule)
		}
		if none.Meaning() != nil || none.Warnings() != nil || none.String() != "# there is no policy: Open, Load and Builder.Policy return one\n" {
			t.Error(none.String())
		}
	}
	for _, none := range []*secco.Program{nil, {}} {
		_, evalErr := none.Eval(secco.Call{})
		_, listenErr := none.Listen()
		for i, err := range []error{
			evalErr, none.Dump(io.Discard), none.Install(), listenErr, none.Exec([]string{"true"}, nil), secco.ProveEqual(none, p), secco.ProveStricter(p, none),
		} {
			if err == nil || !strings.Contains(err.Error(), "there is no program") {
				t.Errorf("%d: %v", i, err)
			}
		}
		if none.Bytes() != nil {
			t.Error("bytes of no program")
		}
	}
	for i, err := range []error{secco.ProveEqual(nil, nil), secco.ProveEqual(p, nil), secco.ProveStricter(nil, p)} {
		if err == nil || !strings.Contains(err.Error(), "a filter is nil") {
			t.Errorf("%d: %v", i, err)
		}
	}
	zero := &secco.Builder{}
	zero.Add(secco.Allow, "read")
	zero.Delete("read")
	zero.Combine(secco.New(secco.Allow))
	for _, b := range []*secco.Builder{nil, zero} {
		if _, err := b.Policy(); err == nil || !strings.HasPrefix(err.Error(), "secco_test.go:") || !strings.Contains(err.Error(), "error[no-builder]") {
			t.Error(err)
		}
	}
	definitions := secco.Reader{Definitions: []*source.File{nil}}
	_, loadErr := secco.Reader{}.Load((*source.File)(nil))
	_, definitionsErr := definitions.Load(source.NewFile("p.secco", "DEFAULT_POLICY = allow\n"))
	for _, err := range []error{loadErr, definitionsErr} {
		if err == nil || !strings.Contains(err.Error(), "one of the sources is nil") {
			t.Error(err)
		}
	}
}

// An errno is its number, whatever the builder that it comes from is for: MIPS
// numbers many in another way.
func TestCombineErrno(t *testing.T) {
	a, b := secco.New(secco.Allow, linux.MIPS64LE), secco.New(secco.Allow, linux.X86_64)
	b.Add(secco.Errno(38), "read")
	a.Combine(b)
	p, err := a.Policy()
	if err != nil {
		t.Fatal(err)
	}
	if got := eval(t, p, linux.MIPS64LE, "read"); got != secco.Errno(38) {
		t.Error(got)
	}
}

// Combining puts the other's rules behind: of a syscall that both have rules for, the
// first that holds decides. The other is not changed by it.
func TestCombine(t *testing.T) {
	a, b := secco.New(secco.KillProcess, linux.X86_64), secco.New(secco.Allow, linux.X86_64)
	a.AddIf(secco.Log, "read", secco.ArgL(0).Equal(1))
	b.AddIf(secco.Trap(0), "read", secco.ArgL(0).LessOrEqual(1))
	a.Combine(b)
	a.Add(secco.Allow, "write")
	for _, c := range []struct {
		builder *secco.Builder
		name    string
		arg     uint64
		want    secco.Action
	}{
		{a, "read", 1, secco.Log}, {a, "read", 0, secco.Trap(0)}, {a, "read", 2, secco.KillProcess}, {a, "write", 0, secco.Allow},
		{b, "read", 1, secco.Trap(0)}, {b, "write", 0, secco.Allow}, {b, "read", 2, secco.Allow},
	} {
		p, err := c.builder.Policy()
		if err != nil {
			t.Fatal(err)
		}
		if got := eval(t, p, linux.X86_64, c.name, c.arg); got != c.want {
			t.Errorf("%s(%d) gets %v, want %v", c.name, c.arg, got, c.want)
		}
	}
}

// A program for other machines is not installed: it would refuse every call.
func TestOtherMachine(t *testing.T) {
	p, err := secco.New(secco.KillProcess, linux.S390X).Policy()
	if err != nil {
		t.Fatal(err)
	}
	program, err := secco.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	_, listenErr := program.Listen()
	for _, err := range []error{program.Install(), listenErr, program.Exec([]string{"true"}, nil)} {
		if err == nil || !strings.Contains(err.Error(), "the policy is for s390x, and this machine is ") {
			t.Error(err)
		}
	}
}

// Notifications that nobody would answer are an error before anything is installed.
func TestInstallNotifies(t *testing.T) {
	b := secco.New(secco.Allow)
	b.AddIf(secco.Notify, "mount", secco.Arg(3).AnyBits(1))
	p, err := b.Policy()
	if err != nil {
		t.Fatal(err)
	}
	program, err := secco.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Install(); !errors.Is(err, hook.ErrNotifies) {
		t.Error(err)
	}
}

// What can't be started under a program is an error before anything is installed.
func TestExecRefused(t *testing.T) {
	p, err := secco.New(secco.Errno(unix.EPERM)).Policy()
	if err != nil {
		t.Fatal(err)
	}
	program, err := secco.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Exec([]string{"true"}, nil); err == nil || !strings.Contains(err.Error(), "it refuses execve") {
		t.Error(err)
	}
	if err := program.Exec(nil, nil); err == nil {
		t.Error("no command was executed")
	}
}

// A program stays as it was read; what asks for its meaning gets that.
func TestProgram(t *testing.T) {
	text := "ld [4]\njeq #0xc000003e, here\nret #0\nhere: ld [0]\njeq #39, 0, bad\nret #0x7fff0000\nbad: ret #0x50001\n"
	text = strings.ReplaceAll(text, "jeq #39, 0, bad", "jne #39, bad")
	p, err := secco.Load("p.asm", text)
	if err != nil {
		t.Fatal(err)
	}
	program, err := secco.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(program.Instructions) != 7 {
		t.Errorf("%d instructions", len(program.Instructions))
	}
	if err := secco.ProveEqual(p, program); err != nil {
		t.Error(err)
	}
	program.Instructions[5].K = 0 // a copy
	again, err := secco.Compile(p)
	if err != nil || again.Instructions[5].K != 0x7fff0000 {
		t.Errorf("%v %v", again, err)
	}
	if err := secco.ProveEqual(p, program); err == nil {
		t.Error("a program that was changed is proved equal")
	}
	program.Instructions = program.Instructions[:2]
	if err := secco.ProveEqual(program, p); err == nil {
		t.Error("an invalid program is proved equal")
	}
	if _, err := program.Eval(secco.Call{}); err == nil {
		t.Error("an invalid program runs")
	}
}

func TestOpenWrong(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"nothing-of-the-name":           "no such file",
		dir:                             "is a directory",
		filepath.Join(dir, "gone.json"): "no such file",
	} {
		if _, err := secco.Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := (secco.Reader{}).Open(); err == nil {
		t.Error("nothing was opened")
	}
	if _, err := (secco.Reader{Include: []string{filepath.Join(dir, "gone")}}).Load(source.NewFile("p", "")); err == nil {
		t.Error("a directory that is not there was opened")
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 17<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := secco.Open(large); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Error(err)
	}
}

// Includes are found beside the policy and in Include.
func TestIncludes(t *testing.T) {
	dir, more := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(dir, "p.secco"):    "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = kill\ninclude \"a.secco\"\ninclude \"b.secco\"\n",
		filepath.Join(dir, "a.secco"):    "read: 1\n",
		filepath.Join(more, "b.secco"):   "write: 1\n",
		filepath.Join(more, "top.secco"): "base no-network\nptrace: return ENOSYS\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := secco.Open(filepath.Join(dir, "p.secco")); err == nil {
		t.Error("b.secco was found")
	}
	p, err := secco.Reader{Include: []string{more}, Arches: []linux.Arch{linux.X86_64}}.Open(filepath.Join(dir, "p.secco"))
	if err != nil {
		t.Fatal(err)
	}
	if eval(t, p, linux.X86_64, "read") != secco.Allow || eval(t, p, linux.X86_64, "write") != secco.Allow {
		t.Error(p)
	}
	if p, err = secco.Open(filepath.Join(more, "top.secco")); err != nil {
		t.Fatal(err)
	}
	if got := eval(t, p, secco.Machine(), "ptrace"); got != secco.Errno(unix.ENOSYS) {
		t.Error(got)
	}
}

// Settings become the program's options.
func TestSettings(t *testing.T) {
	p, err := secco.Reader{Defaults: lang.Defaults{Policy: "allow"}}.Load(source.NewFile("p.secco", "FLAGS = log\nNO_NEW_PRIVS = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := secco.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if o := program.Options; o.Flags.String() != "log" || o.NoNewPrivs == nil || !*o.NoNewPrivs {
		t.Errorf("%+v", o)
	}
	q, err := secco.Reader{Defaults: lang.Defaults{Policy: "allow"}}.Load(source.NewFile("q.secco", ""))
	if err != nil {
		t.Fatal(err)
	}
	both, err := secco.Intersection(p, q)
	if err != nil {
		t.Fatal(err)
	}
	if w := both.Warnings(); len(w) != 2 || w[0].Code != "dropped-setting" {
		t.Error(w)
	}
}
