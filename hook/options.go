package hook

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"secco/policy"
)

// Flags are those of seccomp(2), bit for bit.
type Flags uint

// The flags (SECCOMP_FILTER_FLAG_* of linux/seccomp.h).
const (
	TSYNC             Flags = unix.SECCOMP_FILTER_FLAG_TSYNC              // Linux 3.17: the filter goes on every thread
	Log               Flags = unix.SECCOMP_FILTER_FLAG_LOG                // Linux 4.14: every verdict but allow may be logged
	SpecAllow         Flags = unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW         // Linux 4.17: leave speculation mitigations off
	NewListener       Flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER       // Linux 5.0: return a descriptor for user notifications
	TSYNCESRCH        Flags = unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH        // Linux 5.7: TSYNC's failure is ESRCH; lets NewListener join TSYNC
	WaitKillableRecv  Flags = unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV // Linux 5.19: a received notification only ends by a deadly signal
	knownFlags              = TSYNC | Log | SpecAllow | NewListener | TSYNCESRCH | WaitKillableRecv
	listenerOnlyFlags       = NewListener | WaitKillableRecv
)

var flagNames = []struct {
	flag Flags
	name string
}{
	{TSYNC, "tsync"},
	{Log, "log"},
	{SpecAllow, "spec_allow"},
	{NewListener, "new_listener"},
	{TSYNCESRCH, "tsync_esrch"},
	{WaitKillableRecv, "wait_killable_recv"},
}

// ParseFlag finds a flag by its kernel name, in any case, with or without
// SECCOMP_FILTER_FLAG_ before it.
func ParseFlag(name string) (Flags, bool) {
	name = strings.TrimPrefix(strings.ToLower(name), "seccomp_filter_flag_")
	for _, f := range flagNames {
		if f.name == name {
			return f.flag, true
		}
	}
	return 0, false
}

// Names returns the flags' names in the order of their bits; bits that have
// none come last, as one number.
func (f Flags) Names() []string {
	var names []string
	for _, known := range flagNames {
		if f&known.flag != 0 {
			names = append(names, known.name)
		}
	}
	if rest := f &^ knownFlags; rest != 0 {
		names = append(names, fmt.Sprintf("%#x", uint(rest)))
	}
	return names
}

// String returns the names with commas between them, "none" where there are none.
func (f Flags) String() string {
	if f == 0 {
		return "none"
	}
	return strings.Join(f.Names(), ",")
}

// Options says how a filter is installed. The zero Options is right for most.
type Options struct {
	// Flags are set beside those that a function sets by itself.
	Flags Flags
	// NoNewPrivs says whether to set no_new_privs before: always or never. Where
	// it is nil, no_new_privs is set if the caller lacks CAP_SYS_ADMIN, for then
	// the kernel takes no filter without it.
	NoNewPrivs *bool
	// ThreadOnly puts the filter on the calling thread alone, which the caller has
	// locked (runtime.LockOSThread). Threads and processes that it makes later
	// inherit the filter.
	ThreadOnly bool
}

// OptionsFor returns the options that a policy asks for.
func OptionsFor(s policy.Settings) (Options, error) {
	opts := Options{NoNewPrivs: s.NoNewPrivs}
	for _, name := range s.Flags {
		f, ok := ParseFlag(name)
		if !ok {
			return Options{}, fmt.Errorf("seccomp(2) has no flag %q", name)
		}
		opts.Flags |= f
	}
	return opts, nil
}
