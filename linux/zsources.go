// Code generated from facts/ by internal/gen. DO NOT EDIT.

package linux

// TablesDate is the day on which the facts were extracted.
const TablesDate = "2026-11-22"

// TablesSources says what the facts were extracted from, with versions.
var TablesSources = []string{
	"golang.org/x/sys v0.49.0",
	"Debian linux-libc-dev 6.1.187-1",
}
