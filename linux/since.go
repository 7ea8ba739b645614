package linux

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a release of the kernel, such as 5.3 or 2.6.39.
type Version struct{ Major, Minor, Patch uint8 }

// ParseVersion reads a release: 5, 5.15 or 2.6.39, of which missing parts are 0.
func ParseVersion(s string) (Version, error) {
	var n [3]uint8
	parts := strings.Split(s, ".")
	if len(parts) > len(n) {
		return Version{}, fmt.Errorf("%q is no kernel version", s)
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 8)
		if err != nil || part[0] == '+' {
			return Version{}, fmt.Errorf("%q is no kernel version", s)
		}
		n[i] = uint8(v)
	}
	return Version{n[0], n[1], n[2]}, nil
}

// String returns 5.3 or 2.6.39, and 5.0 for a series' first.
func (v Version) String() string {
	if v.Patch != 0 {
		return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch)
	}
	return fmt.Sprintf("%d.%d", v.Major, v.Minor)
}

// Compare returns a negative number where v is older than w, 0 where they are the
// same, a positive one where v is newer.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

// Since returns the release of the kernel that first had a syscall. ok is false
// where the architecture has no such call and where the sources don't tell the
// release; [SinceSpan] has then what they tell. A release before 3.5, the first one with filters,
// is that of whichever architecture had the call first.
func Since(a Arch, name string) (v Version, ok bool) {
	from, by, ok := SinceSpan(a, name)
	return by, ok && from == by
}

// SinceSpan returns what is known of when the kernel got a syscall: no release
// before from has it (from may be the zero Version), every one since by has it. ok is
// false where the architecture has no such call or nothing is known.
func SinceSpan(a Arch, name string) (from, by Version, ok bool) {
	i, ok := syscallIndex(name)
	if !ok || !a.Valid() || sinceTables[a][i][1] == 0 {
		return Version{}, Version{}, false
	}
	span := sinceTables[a][i]
	return releases[span[0]], releases[span[1]], true
}

// Present reports whether release v of the kernel has a syscall; known is false
// where the sources don't tell. A name that the architecture does not have is
// absent. Of releases after [TablesKernel] the tables know the calls that it has.
func Present(a Arch, name string, v Version) (present, known bool) {
	if _, has := a.Syscall(name); !has {
		return false, true
	}
	from, by, ok := SinceSpan(a, name)
	switch {
	case !ok:
		return false, false
	case v.Compare(by) >= 0:
		return true, true
	default:
		return false, v.Compare(from) < 0
	}
}
