package seccompiler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"secco/compiler"
	"secco/convert/seccompiler"
	"secco/emulator"
	"secco/linux"
	"secco/policy"
	"secco/source"
)

func read(t *testing.T, text string, opts seccompiler.Options) *policy.Policy {
	t.Helper()
	p, diags := seccompiler.Read(source.NewFile("p.json", text), opts)
	if len(diags) > 0 {
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

// threads has what the format's documentation shows: a filter for accept4 and two
// ways to call fcntl, besides another thread's.
const threads = `{
  "vmm": {
    "mismatch_action": {"errno": 1},
    "match_action": "allow",
    "filter": [
      {"syscall": "accept4", "comment": "for the API"},
      {"syscall": "fcntl", "args": [
        {"index": 1, "type": "dword", "op": "eq", "val": 2, "comment": "F_SETFD"},
        {"index": 2, "type": "dword", "op": "eq", "val": 1, "comment": "FD_CLOEXEC"}
      ]},
      {"syscall": "fcntl", "comment": null, "args": [
        {"index": 1, "type": "dword", "op": "eq", "val": 1, "comment": "F_GETFD"}
      ]}
    ]
  },
  "vcpu": {"default_action": "trap", "filter_action": {"trace": 7}, "filter": [{"syscall": "read", "args": null}]}
}`

func TestThreads(t *testing.T) {
	vmm := read(t, threads, seccompiler.Options{Thread: "vmm"})
	vcpu := read(t, threads, seccompiler.Options{Thread: "vcpu", Arches: []linux.Arch{linux.ARM64}})
	const eperm = linux.Errno + 1
	for _, c := range []struct {
		p    *policy.Policy
		arch linux.Arch
		name string
		args []uint64
		want linux.Action
	}{
		{vmm, linux.X86_64, "accept4", nil, linux.Allow},
		{vmm, linux.X86_64, "fcntl", []uint64{9, 2, 1}, linux.Allow},
		{vmm, linux.X86_64, "fcntl", []uint64{9, 2 | 1<<32, 1 | 5<<32}, linux.Allow},
		{vmm, linux.X86_64, "fcntl", []uint64{9, 2, 0}, eperm},
		{vmm, linux.X86_64, "fcntl", []uint64{9, 1, 0}, linux.Allow},
		{vmm, linux.X86_64, "fcntl", []uint64{9, 0, 1}, eperm},
		{vmm, linux.X86_64, "read", nil, eperm},
		{vmm, linux.I386, "accept4", nil, linux.KillProcess},
		{vmm, linux.X32, "accept4", nil, eperm},
		{vcpu, linux.ARM64, "read", nil, linux.Trace.With(7)},
		{vcpu, linux.ARM64, "write", nil, linux.Trap},
		{vcpu, linux.X86_64, "read", nil, linux.KillProcess},
	} {
		if got := eval(t, c.p, c.arch, c.name, c.args...); got != c.want {
			t.Errorf("%s %s%d gets %s, want %s", c.arch, c.name, c.args, got, c.want)
		}
	}
	open := read(t, `{"a": {"mismatch_action": "allow", "match_action": "trap", "filter": [{"syscall": "bpf"}]}}`, seccompiler.Options{})
	if got := eval(t, open, linux.X32, "bpf"); got != linux.KillProcess {
		t.Errorf("x32's bpf gets %s", got)
	}
}

// TestOperators compares all operators with what Go says about numbers of 32 and
// 64 bits, at the borders.
func TestOperators(t *testing.T) {
	values := []uint64{0, 1, 0x80000000, 0xffffffff, 0x100000000, 0x200000001, 1<<64 - 1}
	const mask = 0xf0000000f
	for _, op := range []struct {
		name  string
		holds func(x, k uint64) bool
	}{
		{`"eq"`, func(x, k uint64) bool { return x == k }},
		{`"ne"`, func(x, k uint64) bool { return x != k }},
		{`"gt"`, func(x, k uint64) bool { return x > k }},
		{`"lt"`, func(x, k uint64) bool { return x < k }},
		{`"ge"`, func(x, k uint64) bool { return x >= k }},
		{`"le"`, func(x, k uint64) bool { return x <= k }},
		{`{"masked_eq": 15}`, func(x, k uint64) bool { return x&15 == k&15 }},
		{`{"masked_eq": 64424509455}`, func(x, k uint64) bool { return x&mask == k&mask }},
	} {
		for _, width := range []string{"dword", "qword"} {
			for _, k := range values {
				if width == "dword" && (k > 0xffffffff || strings.Contains(op.name, "6442")) {
					continue
				}
				p := read(t, fmt.Sprintf(`{"t": {"mismatch_action": "trap", "match_action": "log", "filter": [{"syscall": "read", "args": [{"index": 5, "type": %q, "op": %s, "val": %d}]}]}}`, width, op.name, k), seccompiler.Options{})
				for _, v := range append(slices.Clone(values), k-1, k+1, k^1<<32, k^1) {
					seen := v
					if width == "dword" {
						seen &= 0xffffffff
					}
					want := linux.Trap
					if op.holds(seen, k) {
						want = linux.Log
					}
					if got := eval(t, p, linux.X86_64, "read", 1, 1, 1, 1, 1, v); got != want {
						t.Errorf("%s %#x %s %#x gets %s, want %s", width, v, op.name, k, got, want)
					}
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	filter := func(s string) string {
		return `{"t": {"mismatch_action": "trap", "match_action": "log", "filter": [` + "\n" + s + "]}}"
	}
	cond := func(s string) string { return filter(`{"syscall": "read", "args": [` + "\n" + s + "]}") }
	for _, c := range []struct{ text, want string }{
		{"", `p:1:1: error[syntax]: the file ends too early`},
		{"{", `p:1:2: error[syntax]: the file ends too early`},
		{"{]", `p:1:2: error[syntax]: invalid character ']'`},
		{"{} x", `p:1:4: error[syntax]: there is something behind the end`},
		{"\xff", `p:1:1: error[syntax]: this is not UTF-8`},
		{"[]", `p:1:1: error[wrong-type]: a file of filters is an object, this is a list`},
		{"{}", `p:1:1: error[missing-field]: there is no filter in this file`},
		{`{"a": 1}`, `p:1:7: error[wrong-type]: a filter is an object, this is a number`},
		{`{"a": {}, "a": {}}`, `p:1:11: error[syntax]: this key is there twice`},
		{threads, `p:1:1: error[several-filters]: there are several filters: say which of "vmm", "vcpu" is meant`},
		{`{"a": {"filter": []}}`, `p:1:7: error[missing-field]: a filter has match_action, mismatch_action and filter`},
		{`{"a": {"match": 1}}`, `p:1:8: error[unknown-field]: a filter has no field "match": there is mismatch_action, match_action, filter, default_action, filter_action`},
		{`{"a": {"match_action": "trap", "mismatch_action": "trap", "filter": []}}`, `p:1:24: error[same-actions]: match_action and mismatch_action are the same`},
		{`{"a": {"match_action": "trap", "filter_action": "trap"}}`, `p:1:32: error[duplicate-field]: filter_action stands for an action that is there already`},
		{`{"a": {"match_action": "Trap"}}`, `p:1:24: error[unknown-action]: no action "Trap": there is allow, {"errno": N}, kill_process, kill_thread, log, {"trace": N}, trap and user_notif`},
		{`{"a": {"match_action": {"errno": -1}}}`, `p:1:34: error[wrong-type]: errno is a whole number from 0 to 2^64-1, this is -1`},
		{`{"a": {"match_action": {"errno": 4096}}}`, `p:1:34: error[out-of-range]: errno takes at most 4095`},
		{`{"a": {"match_action": {"trace": 65536}}}`, `p:1:34: error[out-of-range]: trace takes at most 65535`},
		{`{"a": {"match_action": {}}}`, `p:1:24: error[wrong-type]: this is not one action`},
		{`{"a": {"match_action": null}}`, `p:1:24: error[wrong-type]: an action is an object, this is null`},
		{`{"a": {"filter": {}}}`, `p:1:18: error[wrong-type]: filter is a list, this is an object`},
		{filter(`{"args": []}`), `p:2:10: error[missing-field]: args must not be empty`},
		{filter(`{}`), `p:2:1: error[missing-field]: the rule has no syscall`},
		{filter(`{"syscall": 0}`), `p:2:13: error[wrong-type]: a syscall's name is text, this is a number`},
		{filter(`{"syscall": "raed"}`), `p:2:13: error[unknown-syscall]: no syscall named "raed" on x86_64`},
		{filter(`{"syscall": "read", "note": ""}`), `p:2:21: error[unknown-field]: a rule has no field "note": there is syscall, args, comment`},
		{filter(`{"syscall": "read", "comment": 1}`), `p:2:32: error[wrong-type]: a comment is text, this is a number`},
		{filter(`{"syscall": "read", "args": {}}`), `p:2:29: error[wrong-type]: args is a list, this is an object`},
		{filter("{\"syscall\": \"read\"},\n" + `{"syscall": "read", "args": [{"index": 0, "type": "dword", "op": "eq", "val": 0}]}`), `p:3:1: error[conflicting-rules]: read has rules with args and one without`},
		{cond(`{"index": 0}`), `p:3:1: error[missing-field]: a condition has index, type, op and val`},
		{cond(`{"index": 6, "type": "dword", "op": "eq", "val": 0}`), `p:3:11: error[out-of-range]: arguments are 0 to 5`},
		{cond(`{"index": 0, "type": "word", "op": "eq", "val": 0}`), `p:3:22: error[unknown-type]: type is dword or qword`},
		{cond(`{"index": 0, "type": "dword", "op": "in", "val": 0}`), `p:3:37: error[unknown-operator]: no operator "in": there is eq, ge, gt, le, lt, ne and {"masked_eq": MASK}`},
		{cond(`{"index": 0, "type": "dword", "op": {}, "val": 0}`), `p:3:37: error[wrong-type]: this is not one operator`},
		{cond(`{"index": 0, "type": "dword", "op": "masked_eq", "val": 0}`), `p:3:37: error[unknown-operator]`},
		{cond(`{"index": 0, "type": "dword", "op": "eq", "val": 4294967296}`), `p:3:50: error[out-of-range]: a dword has 32 bits`},
		{cond(`{"index": 0, "type": "dword", "op": {"masked_eq": 4294967296}, "val": 0}`), `p:3:37: error[out-of-range]: a dword has 32 bits`},
		{cond(`{"index": 0, "type": "qword", "op": "eq", "val": 18446744073709551616}`), `p:3:50: error[wrong-type]: val is a whole number from 0 to 2^64-1, this is 18446744073709551616`},
		{cond(`{"index": 0, "type": "qword", "op": "eq", "val": 1e3}`), `p:3:50: error[wrong-type]: val is a whole number from 0 to 2^64-1, this is 1e3`},
		{strings.Repeat("[", 1<<20), `p:1:17: error[syntax]: this is nested too deep`},
		{strings.Repeat(" ", 4<<20+1), `p:1:1: error[too-large]: a file of this kind has at most 4194304 bytes`},
		{filter(strings.Repeat(`{"syscall": "raed"},`, 100000) + "{}"), `error[missing-field]: the rule has no syscall`},
		{filter(strings.Repeat(`{"syscall": "raed"},`, 100000) + `{"syscall": "read"}`), `p:2:13: error[unknown-syscall]`},
	} {
		p, diags := seccompiler.Read(source.NewFile("p", c.text), seccompiler.Options{})
		if p != nil || !diags.HasErrors() || !strings.Contains(diags.Error(), c.want) {
			t.Errorf("%.100q: %v, %.300v; want %s", c.text, p != nil, diags, c.want)
		}
	}
	_, diags := seccompiler.Read(source.NewFile("p", threads), seccompiler.Options{Thread: "api"})
	if want := `p:1:1: error[unknown-filter]: there is no filter for "api": there is "vmm", "vcpu"`; diags.Error() != want {
		t.Errorf("%v, want %s", diags, want)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(`{"t": {"mismatch_action": {"errno": 5}, "match_action": "log", "filter": [{"syscall": "read", "args": [{"index": 0, "type": "qword", "op": {"masked_eq": 7}, "val": 3}]}]}}`)
	f.Add(threads)
	f.Fuzz(func(t *testing.T, text string) {
		p, diags := seccompiler.Read(source.NewFile("p", text), seccompiler.Options{Arches: linux.Arches()})
		if (p == nil) != diags.HasErrors() {
			t.Errorf("a policy: %v, and %v", p != nil, diags)
		}
		for _, d := range diags {
			_ = d.String()
		}
	})
}
