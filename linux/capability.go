package linux

import "strings"

// Capability returns the number of a capability by its name, such as
// CAP_SYS_ADMIN.
func Capability(name string) (n int, ok bool) {
	if !strings.HasPrefix(name, "CAP_") || name == "CAP_LAST_CAP" {
		return 0, false
	}
	v, ok := X86_64.Constant(name) // they are the same everywhere
	return int(v), ok
}

// ClosestCapability returns the capability that a wrong name most likely means:
// the one whose name it is without CAP_, or whose name is most like it. ok is
// false where none is near.
func ClosestCapability(name string) (closest string, ok bool) {
	short := func(name string) string { return strings.TrimPrefix(strings.ToUpper(name), "CAP_") }
	all := Capabilities()
	found, ok := nearest(short(name), len(all), func(i int) string { return short(all[i]) })
	if found = "CAP_" + found; !ok || found == name {
		return "", false
	}
	return found, true
}

// Capabilities returns the names of all capabilities in order of their numbers.
func Capabilities() []string {
	last, _ := X86_64.Constant("CAP_LAST_CAP")
	names := make([]string, last+1)
	for _, name := range X86_64.Constants() {
		if n, ok := Capability(name); ok {
			names[n] = name
		}
	}
	return names
}
