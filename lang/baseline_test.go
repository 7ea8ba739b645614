package lang_test

import (
	"fmt"
	"testing"

	"secco/linux"
)

// TestBaseline checks which numbers count as newer than a kernel.
func TestBaseline(t *testing.T) {
	head := "ARCHES = x86_64, i386, aarch64\nBASELINE = 5.2\nDEFAULT_NEWER = ENOSYS\n"
	expect(t, head+"read: 1\nopenat2: return EACCES",
		"read() => allow", "write() => kill_process",
		"clone3() => ENOSYS", "faccessat2() => ENOSYS", "i386 clone3() => ENOSYS", "aarch64 clone3() => ENOSYS", // 5.3, 5.8
		"pidfd_open() => ENOSYS", "fsopen() => kill_process", // 5.3, 5.2
		"openat2() => EACCES",                        // 5.6, with a rule
		"9999() => ENOSYS", "0x3fffffff() => ENOSYS", // no syscalls at all
		"0xffffffff() => ENOSYS", "x32 read() => kill_thread") // x32 has its own default
	refuse(t, "BASELINE = 5.15", "1:1: error[missing-default]")
	refuse(t, "DEFAULT_NEWER = ENOSYS", "1:1: error[missing-baseline]")
	refuse(t, "BASELINE = 2.6\nDEFAULT_NEWER = ENOSYS", "1:12: error[bad-version]")
	refuse(t, "BASELINE = 99.0\nDEFAULT_NEWER = ENOSYS", "1:12: error[bad-version]")
	refuse(t, "BASELINE = 5.15\nBASELINE = 5.16\nDEFAULT_NEWER = ENOSYS", "2:1: error[conflicting-setting]")
}

// TestBaselines finds a policy for the kernels that people state, or says that
// too little is known of them; of x86_64 and i386 all is known.
func TestBaselines(t *testing.T) {
	for _, arch := range linux.Arches() {
		for _, kernel := range []string{"4.4", "4.19", "5.4", "5.10", "5.15", "6.1", "6.6", "6.12"} {
			found := findings(fmt.Sprintf("ARCHES = %s\nBASELINE = %s\nDEFAULT_NEWER = ENOSYS\n", arch, kernel), usual)
			known := len(found) == 0
			if !known && (arch == linux.X86_64 || arch == linux.I386 || len(found) > 1 || found[0] != "2:1: error[unknown-release]") {
				t.Errorf("%s %s: %q", arch, kernel, found)
			}
		}
	}
}
