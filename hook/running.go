package hook

import (
	"fmt"

	"golang.org/x/sys/unix"

	"secco/linux"
)

// Kernel returns the running kernel's version as policies' guards compare it, such
// as 6.1; empty where it does not say.
func Kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return versionOf(unix.ByteSliceToString(u.Release[:]))
}

// versionOf returns the two numbers that a release begins with. What follows depends
// on who built the kernel.
func versionOf(release string) string {
	var major, minor uint
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return ""
	}
	return fmt.Sprintf("%d.%d", major, minor)
}

// BoundingSet returns the capabilities, such as CAP_SYS_ADMIN, that this thread and
// what it becomes can have: by those Docker, too, decides what a profile allows.
func BoundingSet() ([]string, error) {
	set := []string{}
	for n, name := range linux.Capabilities() {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err == unix.EINVAL { // newer than the kernel
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("asking for the capability %s: %w", name, err)
		}
		if has == 1 {
			set = append(set, name)
		}
	}
	return set, nil
}
