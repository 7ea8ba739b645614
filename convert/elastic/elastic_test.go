package elastic_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"secco/compiler"
	"secco/convert/elastic"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

func read(t *testing.T, text string, arches ...linux.Arch) *policy.Policy {
	t.Helper()
	p, diags := elastic.Read(source.NewFile("p.yml", text), elastic.Options{Arches: arches})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	out, err := compiler.Compile(p, compiler.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := emulator.New(out.Program)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d := range policy.Samples(p) {
		n++
		if want, _ := p.Eval(&d); m.Run(&d) != want {
			t.Fatalf("%+v: the program says %s, the policy %s", d, m.Run(&d), want)
		}
	}
	if n < 300 {
		t.Errorf("only %d calls", n)
	}
	return p
}

func eval(t *testing.T, p *policy.Policy, a linux.Arch, name string, args ...uint64) linux.Action {
	t.Helper()
	nr, ok := a.Syscall(name)
	if !ok {
		t.Fatalf("no %s on %s", name, a)
	}
	d := &linux.SeccompData{NR: nr, Arch: a.Audit()}
	copy(d.Args[:], args)
	got, _ := p.Eval(d)
	return got
}

const (
	allow  = linux.Allow
	eperm  = linux.Errno + 1
	enosys = linux.Errno + 38
	x      = linux.X86_64
)

// TestSandbox is modelled on the library's example of a policy.
func TestSandbox(t *testing.T) {
	p := read(t, `
seccomp:
  default_action: allow
  syscalls:
  - action: errno
    names:
    - connect
    - "accept"
  # CLONE_NEWUSER must be set.
  - action: errno
    names_with_args:
    - name: clone
      arguments:
      - argument: 0
        operation: BitsNotSet
        value: 0x10000000
`)
	for _, c := range []struct {
		name string
		arg  uint64
		want linux.Action
	}{
		{"connect", 0, eperm},
		{"accept", 5, eperm},
		{"read", 0, allow},
		{"clone", 0x10000000, allow},
		{"clone", 0x1_1000_0000, allow},
		{"clone", 0x2000_0000, eperm},
		{"clone", 0, eperm},
	} {
		if got := eval(t, p, x, c.name, c.arg); got != c.want {
			t.Errorf("%s(%#x) gets %s, want %s", c.name, c.arg, got, c.want)
		}
	}
	for _, c := range []struct {
		arch, nr uint32
		want     linux.Action
	}{
		{x.Audit(), 0x3fffffff, allow},
		{x.Audit(), 0x40000000, enosys},
		{x.Audit(), 0x4000002a, enosys},
		{x.Audit(), 0xffffffff, enosys},
		{linux.I386.Audit(), 362, allow},
		{0, 42, allow},
	} {
		if got, _ := p.Eval(&linux.SeccompData{Arch: c.arch, NR: c.nr}); got != c.want {
			t.Errorf("number %#x of %#x gets %s, want %s", c.nr, c.arch, got, c.want)
		}
	}
}

// TestOperations compares all operations with what Go says about 64-bit numbers,
// at the borders.
func TestOperations(t *testing.T) {
	values := []uint64{0, 1, 0x80000000, 0xffffffff, 0x100000000, 0x200000001, 0x7fffffff00000000, 1<<64 - 1}
	for _, op := range []struct {
		name  string
		holds func(x, k uint64) bool
	}{
		{"Equal", func(x, k uint64) bool { return x == k }},
		{"NotEqual", func(x, k uint64) bool { return x != k }},
		{"GreaterThan", func(x, k uint64) bool { return x > k }},
		{"LessThan", func(x, k uint64) bool { return x < k }},
		{"GreaterOrEqual", func(x, k uint64) bool { return x >= k }},
		{"lessorequal", func(x, k uint64) bool { return x <= k }},
		{"BitsSet", func(x, k uint64) bool { return x&k != 0 }},
		{"BitsNotSet", func(x, k uint64) bool { return x&k == 0 }},
	} {
		for _, k := range values {
			p := read(t, fmt.Sprintf("{default_action: trap, syscalls: [{action: log, names_with_args: [{name: read, arguments: [{position: 5, operation: %s, value: %d}]}]}]}", op.name, k), x, linux.I386)
			for _, v := range append(slices.Clone(values), k-1, k+1, k^1<<32, k^1) {
				for _, c := range []struct {
					arch linux.Arch
					seen uint64
				}{{x, v}, {linux.I386, v & 0xffffffff}} {
					want := linux.Trap
					if op.holds(c.seen, k) {
						want = linux.Log
					}
					if got := eval(t, p, c.arch, "read", 1, 1, 1, 1, 1, v); got != want {
						t.Errorf("%s: %#x %s %#x gets %s, want %s", c.arch, v, op.name, k, got, want)
					}
				}
			}
		}
	}
}

// TestFilter has everything that a filter can say.
func TestFilter(t *testing.T) {
	p := read(t, `---
no_new_privs: yes
flag: tsync|log
policy:
  default_action: Kill_Process
  syscalls:
  - names_with_args:
    - name: socket
      arguments: &unix
      - {argument: 0, operation: Equal, value: 1}
      - {argument: 1, operation: LessThan, value: 3}
    - name: socket
      arguments:
      - {operation: Equal, value: 0b10}
    - {name: socketpair, arguments: *unix}
    names: [read]
    action: allow
  - action: trace
    names: [socket, write]
  - action: log
    names: [read]
...
`, linux.ARM64)
	a := linux.ARM64
	for _, c := range []struct {
		name string
		args []uint64
		want linux.Action
	}{
		{"socket", []uint64{1, 2}, allow},
		{"socket", []uint64{1, 3}, linux.Trace},
		{"socket", []uint64{2, 9}, allow},
		{"socket", []uint64{3}, linux.Trace},
		{"socketpair", []uint64{1, 1}, allow},
		{"socketpair", []uint64{2, 1}, linux.KillProcess},
		{"read", nil, allow},
		{"write", nil, linux.Trace},
		{"close", nil, linux.KillProcess},
	} {
		if got := eval(t, p, a, c.name, c.args...); got != c.want {
			t.Errorf("%s%d gets %s, want %s", c.name, c.args, got, c.want)
		}
	}
	s := p.Settings
	if s.NoNewPrivs == nil || !*s.NoNewPrivs || !slices.Equal(s.Flags, []string{"tsync", "log"}) {
		t.Errorf("settings: %+v", s)
	}
	if p.X32 != nil || p.BadArch.Action != linux.KillProcess {
		t.Errorf("x32 %v, other architectures %v", p.X32, p.BadArch)
	}
	if p := read(t, "flag: 0x1\ndefault_action: trap\nsyscalls: [{action: allow, names: [read]}]"); !slices.Equal(p.Settings.Flags, []string{"tsync"}) {
		t.Errorf("settings: %+v", p.Settings)
	}
}

func TestErrors(t *testing.T) {
	const rest = "\nsyscalls: [{action: log, names: [read]}]"
	group := func(s string) string { return "default_action: trap\nsyscalls:\n- " + s }
	cond := func(s string) string {
		return group("{action: log, names_with_args: [{name: read, arguments: [\n" + s + "]}]}")
	}
	for _, c := range []struct{ text, want string }{
		{"", `p:1:1: error[syntax]: there is nothing in this file`},
		{"# nothing\n", `p:1:1: error[syntax]: there is nothing in this file`},
		{"\xff", `p:1:1: error[syntax]: this is not UTF-8`},
		{"a: [1,\nb: {", `error[syntax]: did not find expected`},
		{"default_action: trap\n\t- x", `p:2:2: error[syntax]: found`},
		{"just text", `p:1:1: error[wrong-type]: the filter is a mapping, this is "just text"`},
		{"default_action: trap" + rest + "\n---\na: b", `p:4:1: error[syntax]: there is a second document`},
		{rest[1:], `p:1:1: error[missing-field]: there is no default_action`},
		{"default_action: trap", `p:1:1: error[missing-field]: there are no syscalls`},
		{"default_action: trap\nsyscalls: []", `p:2:1: error[missing-field]: syscalls must not be empty`},
		{"default_action: trap\nsyscalls: read", `p:2:11: error[wrong-type]: syscalls is a list, this is "read"`},
		{"default_action: maybe" + rest, `p:1:17: error[unknown-action]: no action "maybe": there is kill_process, kill_thread, trap, errno, trace, log and allow`},
		{"default_action: 5" + rest, `p:1:17: error[wrong-type]: an action is text, this is "5"`},
		{"default_action:" + rest, `p:1:16: error[wrong-type]: an action is text, this is nothing`},
		{"default_action: trap\ndefault_action: log" + rest, `p:2:1: error[duplicate-field]: default_action is given twice`},
		{"default_action: trap\npolicy: {default_action: log}" + rest, `p:2:10: error[duplicate-field]: default_action is given twice`},
		{"defaultAction: trap" + rest, `p:1:1: error[unknown-field]: the filter has no field "defaultAction": there is default_action, syscalls, no_new_privs, flag, policy`},
		{"seccomp:\n  foo: 1", `p:2:3: error[unknown-field]: seccomp has no field "foo": there is default_action, syscalls, no_new_privs, flag, policy`},
		{"seccomp:\nother: 1", `p:2:1: error[unknown-field]: the file has no field "other": there is seccomp`},
		{"no_new_privs: 1\ndefault_action: trap" + rest, `p:1:15: error[wrong-type]: no_new_privs is true or false`},
		{"no_new_privs:\ndefault_action: trap" + rest, `p:1:14: error[wrong-type]: no_new_privs is true or false`},
		{"flag: 4\ndefault_action: trap" + rest, `p:1:7: error[unknown-flag]: there are the flags 1 (tsync) and 2 (log)`},
		{"flag: fast\ndefault_action: trap" + rest, `p:1:7: error[unknown-flag]: no flag "fast": there is tsync and log`},
		{group("{names: [read]}"), `p:3:3: error[missing-field]: the group has no action`},
		{group("{action: log, names: [raed]}"), `p:3:25: error[unknown-syscall]: no syscall named "raed" on x86_64`},
		{group("{action: log, names: [read, read]}"), `p:3:31: error[duplicate-syscall]: read is in this group twice`},
		{group("{action: log, names: [read], names_with_args: [{name: read, arguments: [{operation: Equal}]}]}"), `p:3:57: error[duplicate-syscall]: read is in this group with and without conditions`},
		{group("{action: log, names: [[read]]}"), `p:3:25: error[wrong-type]: a syscall's name is text, this is a list`},
		{group("{action: log, names_with_args: [{arguments: [{operation: Equal}]}]}"), `p:3:35: error[missing-field]: the entry has no name`},
		{group("{action: log, names_with_args: [{name: read}]}"), `p:3:35: error[missing-field]: the entry has no arguments`},
		{group("{action: log, ? {a: b} : c}"), `error[unknown-field]: a group has no field ""`},
		{group("{action: log, <<: {names: [read]}}"), `p:3:17: error[unknown-field]: a group has no field "<<"`},
		{cond("{argument: 6, operation: Equal}"), `p:4:12: error[out-of-range]: arguments are 0 to 5`},
		{cond("{argument: 1, position: 1, operation: Equal}"), `p:4:15: error[duplicate-field]: argument and position are the same`},
		{cond("{argument: 1}"), `p:4:1: error[missing-field]: the condition has no operation`},
		{cond("{operation: Near}"), `p:4:13: error[unknown-operation]: no operation "Near": there is Equal, NotEqual, GreaterThan, LessThan, GreaterOrEqual, LessOrEqual, BitsSet, BitsNotSet`},
		{cond("{operation: Equal, value: -1}"), `p:4:27: error[wrong-type]: value is a whole number from 0 to 2^64-1, this is "-1"`},
		{cond("{operation: Equal, value: 1.5}"), `p:4:27: error[wrong-type]: value is a whole number from 0 to 2^64-1, this is "1.5"`},
		{cond("{operation: Equal, value: 18446744073709551616}"), `p:4:27: error[wrong-type]: value is a whole number from 0 to 2^64-1, this is "18446744073709551616"`},
		{cond("{operation: Equal, value: AF_UNIX}"), `p:4:27: error[wrong-type]: value is a whole number from 0 to 2^64-1, this is "AF_UNIX"`},
		{"\ufeff# ä\u2028ö: 1", `p:1:5: error[unknown-field]: the filter has no field "ö"`},
		{"default_action: trap\nsyscalls: &a [*a]", `error[wrong-type]: a group is a mapping, this is a list`},
		{strings.Repeat("[", 100000), `error[syntax]`},
		{strings.Repeat("- ", 100000), `error[syntax]`},
		{strings.Repeat(" ", 1<<20+1), `p:1:1: error[too-large]: a YAML file has at most 1048576 bytes`},
		{bomb(), `error[too-large]: there are more than 262144 values in this file, what aliases stand for counted each time`},
		{group("{action: log, names: [" + strings.Repeat("a,", 200000) + "]}"), `error[unknown-syscall]`},
		{"default_action: trap\nsyscalls: [" + strings.Repeat("{action: allow},", 60000) + "]", `ok`},
	} {
		p, diags := elastic.Read(source.NewFile("p", c.text), elastic.Options{})
		if c.want == "ok" {
			if p == nil {
				t.Errorf("%.60q: %.300v", c.text, diags)
			}
			continue
		}
		if p != nil || !diags.HasErrors() || !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%.60q: %v, %.300v; want %s", c.text, p != nil, diags, c.want)
		}
	}
}

// bomb has few groups that stand for very many names.
func bomb() string {
	var b strings.Builder
	b.WriteString("default_action: trap\nsyscalls:\n- &g {action: log, names: [read" + strings.Repeat(", x", 2000) + "]}\n")
	for range 2000 {
		b.WriteString("- *g\n")
	}
	return b.String()
}

func TestWarnings(t *testing.T) {
	p, diags := elastic.Read(source.NewFile("p", "default_action: allow\nsyscalls:\n- {action: log}\n- {action: trap, names: [read]}\n"), elastic.Options{})
	want := "p:1:1: warning[other-arches]: calls of other architectures get the default action, allow: no group restricts them\n" +
		"p:3:3: warning[empty-group]: there is no syscall in this group"
	if p == nil || diags.Error() != want {
		t.Errorf("%v, want %s", diags, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("default_action: allow\nsyscalls:\n- action: errno\n  names: [read]\n  names_with_args: &a\n  - {name: open, arguments: [{position: 1, operation: BitsSet, value: 0x40}]}\n")
	f.Add("seccomp: {no_new_privs: true, flag: tsync, policy: {default_action: log, syscalls: [{action: trap, names_with_args: *a}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		p, diags := elastic.Read(source.NewFile("p", text), elastic.Options{Arches: linux.Arches()})
		if (p == nil) != diags.HasErrors() {
			t.Errorf("a policy: %v, and %v", p != nil, diags)
		}
		for _, d := range diags {
			_ = d.String()
		}
	})
}
