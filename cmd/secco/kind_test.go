package main

import "testing"

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       kind
	}{
		{"p.secco", "\x00\x01", kindSecco},
		{"p.bpf", "read: 1", kindBPF},
		{"p.asm", "read: 1", kindAsm},
		{"p.json", "\ufeff {\n", kindOCI},
		{"p", " \n{}", kindOCI},
		{"p", "\x20\x00\x00\x00\x04\x00\x00\x00", kindBPF},
		{"p", "\x15\xff\xfe\xfd\x3e\xff\xff\xc0", kindBPF},
		{"p", "\xff\xfe\xfd\xfc\xfb\xfa\xf9", kindSecco}, // no whole instruction: a text with an error
		{"p", "", kindSecco},
		{"p", "# a policy\nread: 1\n", kindSecco},
		{"p", "; a program\n# of two\n  ld [4]\n", kindAsm},
		{"p", "start: ld [nr]\n", kindAsm},
		{"p", "L0: L1:\tjeq #3, a, b\n", kindAsm},
		{"p", "ret\n", kindAsm},
		{"p", "tax\n", kindAsm},
		{"p", ".endian big\nld [0]\n", kindAsm},
		{"p", "ld_abs\t4\n", kindAsm},
		{"p", "jeq_k\t00\t01\tC000003E\n", kindAsm},
		{"p", "ret_k\t0\n", kindAsm},
		// What looks like it in a policy.
		{"p", "ret = 5\n", kindSecco},
		{"p", "add(a, b) = a + b\n", kindSecco},
		{"p", "or [+trap]: 1\n", kindSecco},
		{"p", "ld, st: 1\n", kindSecco},
		{"p", "sub : 1\n", kindSecco},
		{"p", "clock_gettime 1\n", kindSecco},
		{"p", "x86_64 {\n\treturn allow\n}\n", kindRkeene},
		{"p", "arch x86_64 {\n", kindSecco},
		{"p", "@include ./common.policy\n", kindMinijail},
		{"p", "# a comment\n@default kill\n", kindMinijail},
		{"p.policy", "read: 1\n", kindMinijail},
		{"p", "group @io = read\n", kindSecco},
		{"p", "socket {\n", kindSecco},
		{"p", "# a comment\nseccomp:\n  default_action: allow\n", kindElastic},
		{"p", "default_action: allow\n", kindElastic},
		{"p", "seccomp: 1\n", kindSecco},
		{"p", "default_action = allow\n", kindSecco},
		{"p.json", `{"main": {"mismatch_action": "trap", "match_action": "allow", "filter": []}}`, kindSeccompiler},
		{"p.json", `{"defaultAction": "SCMP_ACT_ERRNO", "comment": "\"mismatch_action\": "}`, kindOCI},
		{"p", "@include, @default: 1\n", kindSecco},
		{"p", "rets 5\n", kindSecco},
		{"p", "i386 { return allow }\n", kindRkeene},
		{"p", "syscalls:\n- action: log\n", kindElastic},
		{"p", "{read, write}: allow\n", kindMinijail},
		{"p", " { open[arch=arm] }: 1\n", kindMinijail},
		{"p", "# c\nread: allow # c\n", kindMinijail},
		{"p", "open[arch=x86_64,arm]: kill-process\n", kindMinijail},
		{"p", "read: allowed\n", kindSecco},
		{"p", "kill: trap; return 1\n", kindSecco},
	} {
		if got := detect(input{name: c.name, data: []byte(c.data)}); got != c.want {
			t.Errorf("%s with %q is taken for %s, want %s", c.name, c.data, got, c.want)
		}
	}
}
