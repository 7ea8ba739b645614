package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"secco/convert/libseccomp"
	"secco/linux"
)

// buildVersion returns this program's own version.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return info.Main.Version
}

// version says what this program is: its own version, what its tables of the
// kernel come from, and which libseccomp it checks against.
func version() string {
	var b strings.Builder
	fmt.Fprintf(&b, "secco %s\nkernel tables of %s:\n", buildVersion(), linux.TablesDate)
	for _, source := range linux.TablesSources {
		fmt.Fprintf(&b, "  %s\n", source)
	}
	v, err := libseccomp.Version()
	if err != nil {
		v = "not built in"
	}
	fmt.Fprintf(&b, "libseccomp: %s\n", v)
	return b.String()
}
