// Code generated from facts/ by internal/gen. DO NOT EDIT.

package linux

// TablesDate is the day on which the facts were extracted.
const TablesDate = "2026-11-22"

// TablesKernel is the newest release of the kernel whose syscalls the tables know.
var TablesKernel = Version{7, 3, 0}

// TablesSources says what the facts were extracted from, with versions.
var TablesSources = []string{
	"Debian linux-libc-dev 7.3.4-1~bpo13+1 (uapi headers of all architectures)",
	"Debian linux-source-7.3 7.3.4-1~bpo13+1 (syscall tables, SYSCALL_DEFINE, socket constants)",
	"golang.org/x/sys v0.49.0, and its history up to e8c1c327 (Linux 4.10 to 7.0)",
	"Go 1.26.8, package syscall (constants that the above have dropped)",
	"Debian linux-libc-dev 5.10.223-1, 6.12.107-1 and 7.2.13-1 (Since)",
	"Linux man-pages 6.20, section 2 (Since)",
}
