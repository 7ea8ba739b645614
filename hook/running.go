package hook

import (
	"fmt"

	"golang.org/x/sys/unix"
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
