package readers

import (
	"strings"
	"testing"

	"secco/source"
)

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       Kind
	}{
		{"p.secco", "\x00\x01", Secco},
		{"p.bpf", "read: 1", BPF},
		{"p.asm", "read: 1", Asm},
		{"p.json", "\ufeff {\n", OCI},
		{"p", " \n{}", OCI},
		{"p", "\x20\x00\x00\x00\x04\x00\x00\x00", BPF},
		{"p", "\x15\xff\xfe\xfd\x3e\xff\xff\xc0", BPF},
		{"p", "\xff\xfe\xfd\xfc\xfb\xfa\xf9", Secco}, // no whole instruction: a text with an error
		{"p", "", Secco},
		{"p", "# a policy\nread: 1\n", Secco},
		{"p", "; a program\n# of two\n  ld [4]\n", Asm},
		{"p", "start: ld [nr]\n", Asm},
		{"p", "L0: L1:\tjeq #3, a, b\n", Asm},
		{"p", "ret\n", Asm},
		{"p", "tax\n", Asm},
		{"p", ".endian big\nld [0]\n", Asm},
		{"p", "ld_abs\t4\n", Asm},
		{"p", "jeq_k\t00\t01\tC000003E\n", Asm},
		{"p", "ret_k\t0\n", Asm},
		// What looks like it in a policy.
		{"p", "ret = 5\n", Secco},
		{"p", "add(a, b) = a + b\n", Secco},
		{"p", "or [+trap]: 1\n", Secco},
		{"p", "ld, st: 1\n", Secco},
		{"p", "sub : 1\n", Secco},
		{"p", "clock_gettime 1\n", Secco},
		{"p", "x86_64 {\n\treturn allow\n}\n", Rkeene},
		{"p", "arch x86_64 {\n", Secco},
		{"p", "@include ./common.policy\n", Minijail},
		{"p", "# a comment\n@default kill\n", Minijail},
		{"p.policy", "read: 1\n", Minijail},
		{"p", "group @io = read\n", Secco},
		{"p", "socket {\n", Secco},
		{"p", "# a comment\nseccomp:\n  default_action: allow\n", Elastic},
		{"p", "default_action: allow\n", Elastic},
		{"p", "seccomp: 1\n", Secco},
		{"p", "default_action = allow\n", Secco},
		{"p.json", `{"main": {"mismatch_action": "trap", "match_action": "allow", "filter": []}}`, Seccompiler},
		{"p.json", `{"defaultAction": "SCMP_ACT_ERRNO", "comment": "\"mismatch_action\": "}`, OCI},
		{"p", "@include, @default: 1\n", Secco},
		{"p", "rets 5\n", Secco},
		{"p", "i386 { return allow }\n", Rkeene},
		{"p", "syscalls:\n- action: log\n", Elastic},
		{"p", "{read, write}: allow\n", Minijail},
		{"p", " { open[arch=arm] }: 1\n", Minijail},
		{"p", "# c\nread: allow # c\n", Minijail},
		{"p", "open[arch=x86_64,arm]: kill-process\n", Minijail},
		{"p", "read: allowed\n", Secco},
		{"p", "kill: trap; return 1\n", Secco},
		// JSON, by its fields.
		{"p", `{"seccomp": {"default_action": "allow", "syscalls": []}}`, Elastic},
		{"p", `{"no_new_privs": true, "policy": {"default_action": "allow", "syscalls": []}}`, Elastic},
		{"p", `{"syscalls": [{"names": ["read"], "action": "log"}], "default_action": "allow"}`, Elastic},
		{"p", `{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG"}]}`, OCI},
		{"p", `{"ociVersion": "1.0.2", "linux": {"seccomp": {"filter": 1}}}`, OCI},
		{"p", `{"vmm": {"default_action": "trap", "filter_action": "allow", "filter": []}}`, Seccompiler},
		{"p", `{"seccomp": {"mismatch_action": "trap", "filter": []}}`, Seccompiler},
		{"p", `{"policy": {"default_action": "trap", "filter": []}}`, Seccompiler},
		{"p", `{"vmm": {"filter": [{"syscall"`, Seccompiler}, // cut off
		{"p", `{"kind": "List", "items": []}`, SPO},
		{"p", `{"metadata": {"linux": 1}, "apiVersion": "security-profiles-operator.x-k8s.io/v1"}`, SPO},
		{"p", `{`, OCI},
		{"p", `{"a": [[{"filter": 1}]]}`, OCI},
		// YAML.
		{"p", "---\n# c\napiVersion: security-profiles-operator.x-k8s.io/v1\n", SPO},
		{"p", "%YAML 1.2\n---\nkind: SeccompProfile\n", SPO},
		{"p", "--- # c\nseccomp:\n", Elastic},
		{"p", "kind: \"SeccompProfile\"\n", SPO},
		{"p", "metadata:\n  name: a\n", SPO},
		// Rules of which some line says whose they are.
		{"p", "read: 1\nwrite: 1\n@include ./more\n", Minijail},
		{"p", "read: 1\nmmap: arg2 in ~PROT_EXEC || arg2 in ~PROT_WRITE\n", Minijail},
		{"p", "read: 1\nclone: arg0 & CLONE_THREAD\n", Minijail},
		{"p", "read: 1\nprctl: { arg0 == PR_SET_NAME; log }\n", Minijail},
		{"p", "read: 1\nopen[arch=x86_64]: 1\n", Minijail},
		{"p", "read: 1\nARM_set_tls: 1\n", Minijail},
		{"p", "read: 1\nwrite: in(arg0, 1)\n{a, b}: 1\n", Secco},
		{"p", "read: 1\nDEFAULT_POLICY = kill\nclone: arg0 & CLONE_THREAD\n", Secco},
		{"p", "read: 1\nwrite, close: 1\n", Secco},
		{"p", "read: 1\nclone: arg0 & CLONE_THREAD == 0\n", Secco},
		{"p", "read: 1\nsocket(domain): domain == 1\n", Secco},
		{"p", "read: 1\nwhen cap(CAP_BPF) {\nbpf: allow\n}\n", Secco},
	} {
		if got := KindOf(source.NewFile(c.name, c.data)); got != c.want {
			t.Errorf("%s with %q is taken for %s, want %s", c.name, c.data, got, c.want)
		}
	}
}

// A policy without its defaults may be one of minijail's, where nothing in it says
// that it is not; which it is, the caller says.
func TestOrMinijail(t *testing.T) {
	for _, c := range []struct {
		name, text string
		kind       Kind
		want       bool
	}{
		{"p", "read: 1\nopen: arg1 == 1; return EPERM\n", "", true},
		{"p", "read: 1\n", Secco, false},
		{"p.secco", "read: 1\n", "", false},
		{"p", "# nothing\n", "", false},
		{"p", "read, write: 1\n", "", false},
	} {
		f, findings := Read([]*source.File{source.NewFile(c.name, c.text)}, Options{Kind: c.kind})
		hints := 0
		for _, d := range findings {
			if strings.Contains(d.Hint, "--from minijail") {
				hints++
			}
		}
		if f != nil || !strings.Contains(findings.Error(), "missing-default") || (hints == 1) != c.want || hints > 1 {
			t.Errorf("%q: %v, %d hints", c.text, findings, hints)
		}
	}
	if _, findings := Read([]*source.File{source.NewFile("p", "read: 1\n")}, Options{Kind: Minijail}); len(findings) > 0 {
		t.Error(findings)
	}
}
