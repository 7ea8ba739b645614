package lang_test

import (
	"testing"

	"secco/lang"
	"secco/policy/prove"
	"secco/source"
)

// TestProveTests has tests with all or some of the arguments, on rules that can't be
// decided for all values.
func TestProveTests(t *testing.T) {
	const head = `ARCHES = x86_64, i386, x32
DEFAULT_POSITIVE = allow
DEFAULT_NEGATIVE = EPERM
DEFAULT_POLICY = kill_process
read: argL0 * argL1 * argL2 == argL3 * argL4 + 7
write: argL0 / argL1 == 3
socket(domain, type): argL0 == AF_UNIX && type & 0xf == SOCK_STREAM
`
	for test, want := range map[string]prove.Verdict{
		"test read(1, 1, 7, 0, 99) => allow":                          prove.Equal,
		"test read(1, 1, 8, 0, 99) => allow":                          prove.Different,
		"test read(0, _, _, 0, _) => EPERM":                           prove.Equal,
		"test read(0, _, _, _, 3) => EPERM":                           prove.Different, // 3 * argL3 is -7 for one value
		"test write(_, 0) => kill_thread":                             prove.Equal,
		"test write(6, 2) => allow":                                   prove.Equal,
		"test write(6, 2) => EPERM":                                   prove.Different,
		"test x32 write(0xffffffff00000006, 2) => allow":              prove.Equal,
		"test x86_64 socket(AF_UNIX | 1 << 40, SOCK_STREAM) => allow": prove.Equal,
		"test i386 socket(AF_UNIX) => allow":                          prove.Different,
		"test aarch64 socket => kill_thread":                          prove.Equal,
		"test aarch64 socket => kill_process":                         prove.Different,
		"test reboot => kill_process":                                 prove.Equal,
	} {
		p, tests, findings := lang.LoadTests([]*source.File{source.NewFile("p.secco", head+test+"\n")}, lang.Options{})
		if err := findings.Err(); err != nil {
			t.Fatal(err)
		}
		for _, c := range tests {
			got, err := c.Prove(p)
			if err != nil || got.Verdict != want {
				t.Errorf("%s on %s: %v %v %v, want %v", test, c.Arch, got.Verdict, got.Witness, err, want)
			}
			if w := got.Witness; w != nil {
				if a, _ := p.Eval(&w.Call); a == c.Want || w.Call.NR != c.NR || w.Call.Arch != c.Arch.Audit() {
					t.Errorf("%s on %s: the call %v shows nothing", test, c.Arch, w)
				}
				for i, arg := range c.Args {
					if arg != nil && uint32(w.Call.Args[i]) != uint32(*arg) {
						t.Errorf("%s: %v is about other arguments", test, w)
					}
				}
			}
		}
	}
}
