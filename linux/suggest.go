package linux

import (
	"strconv"
	"strings"
)

// ClosestSyscall returns the syscall of the architecture whose name is most like
// a misspelt one; of the invalid Arch, any architecture's. ok is false where none is
// near.
func (a Arch) ClosestSyscall(name string) (closest string, ok bool) {
	return nearest(strings.ToLower(name), len(syscallNames), func(i int) string {
		if a.Valid() && syscallNumbers[a][i] < 0 {
			return ""
		}
		return syscallNames[i]
	})
}

// SyscallHint says of a name that is no syscall of the architecture which others
// have it, or else what may have been meant. It is empty where neither is known.
func (a Arch) SyscallHint(name string) string {
	var have []string
	for _, other := range Arches() {
		if _, ok := other.Syscall(name); ok && other != a && other != X32 {
			have = append(have, other.String())
		}
	}
	switch len(have) {
	case 0:
	case 1:
		return "it is one of " + have[0] + ": name the architecture that this is for"
	default:
		return "it is one of " + strings.Join(have[:len(have)-1], ", ") + " and " + have[len(have)-1] + ": name the architecture that this is for"
	}
	if near, ok := a.ClosestSyscall(name); ok {
		return "did you mean " + strconv.Quote(near) + "?"
	}
	return ""
}

// ClosestConstant returns the constant of the architecture, errnos included,
// whose name is most like a misspelt one; of the invalid Arch, any architecture's.
// ok is false where none is near.
func (a Arch) ClosestConstant(name string) (closest string, ok bool) {
	return nearest(strings.ToUpper(name), len(constantTable), func(i int) string {
		if a.Valid() && constantTable[i].arches>>a&1 == 0 {
			return ""
		}
		return constantTable[i].name
	})
}

// Closest returns the known name that is most like a misspelt one, the first of
// several; their case is no matter. ok is false where none is near.
func Closest(name string, known []string) (closest string, ok bool) {
	closest, ok = nearest(strings.ToLower(name), len(known), func(i int) string { return strings.ToLower(known[i]) })
	for _, k := range known {
		if ok && strings.EqualFold(k, closest) {
			return k, k != name
		}
	}
	return "", false
}

// longest is the length in bytes from which names get no suggestion, so that
// work on untrusted ones is bounded.
const longest = 64

// nearest returns the known name at the least distance from name, the first of
// several, if it is within a third of the name's length and at most 3.
func nearest(name string, n int, known func(i int) string) (string, bool) {
	if len(name) < 2 || len(name) >= longest {
		return "", false
	}
	best, limit := "", min((len(name)+1)/3, 3)
	for i := range n {
		candidate := known(i)
		if candidate == "" || len(candidate) >= longest || max(len(candidate)-len(name), len(name)-len(candidate)) > limit {
			continue
		}
		if d := distance(name, candidate); d < limit || d == limit && best == "" {
			best, limit = candidate, d
		}
	}
	return best, best != ""
}

// distance counts the bytes to insert, delete, replace or swap with their
// neighbour that make one name of the other.
func distance(a, b string) int {
	var rows [3][longest]int // the last three of the table of prefixes' distances
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
