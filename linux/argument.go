package linux

import (
	"iter"
	"math/bits"
	"slices"
	"strings"
	"sync"
)

// naming says what the numbers of an argument are called: constants whose names
// begin with one of these, the first preferred. Where flags is set an argument's
// bits have names of their own.
type naming struct {
	prefixes string
	flags    bool
}

// argument is one of a syscall's.
type argument struct {
	name string
	arg  int
}

// namings are the arguments that have names worth reading.
var namings = sync.OnceValue(func() map[argument]naming {
	all := map[argument]naming{}
	for _, n := range []struct {
		calls    string
		arg      int
		prefixes string
		flags    bool
	}{
		{"socket socketpair", 0, "AF_", false},
		{"socket socketpair", 1, "SOCK_", true},
		{"accept4", 3, "SOCK_", true},
		{"clone unshare", 0, "CLONE_", true},
		{"setns", 1, "CLONE_", true},
		{"mmap mmap2 mprotect pkey_mprotect", 2, "PROT_", true},
		{"mmap mmap2", 3, "MAP_", true},
		{"mremap", 3, "MREMAP_", true},
		{"madvise", 2, "MADV_", false},
		{"msync", 2, "MS_ASYNC MS_INVALIDATE MS_SYNC", true},
		{"mlockall", 0, "MCL_", true},
		{"memfd_create", 1, "MFD_", true},
		{"membarrier", 0, "MEMBARRIER_CMD_", false},
		{"prctl", 0, "PR_SET_ PR_GET_ PR_CAP PR_", false},
		{"arch_prctl", 0, "ARCH_", false},
		{"personality", 0, "PER_ ADDR_ UNAME", false},
		{"fcntl fcntl64", 1, "F_", false},
		{"ioctl", 1, "TCGET TCSET TCS TCX TCF TIOC FIO TUN SIOC", false},
		{"open", 1, "O_", true},
		{"openat", 2, "O_", true},
		{"pipe2", 1, "O_", true},
		{"dup3", 2, "O_", true},
		{"lseek", 2, "SEEK_", false},
		{"fallocate", 1, "FALLOC_FL_", true},
		{"unlinkat faccessat2", 3, "AT_", true},
		{"mount", 3, "MS_", true},
		{"umount2", 1, "MNT_", true},
		{"eventfd2", 1, "EFD_", true},
		{"epoll_create1", 0, "EPOLL_CLOEXEC", true},
		{"epoll_ctl", 1, "EPOLL_CTL_", false},
		{"timerfd_create clock_gettime clock_nanosleep clock_getres timer_create", 0, "CLOCK_", false},
		{"timerfd_create", 1, "TFD_", true},
		{"futex", 1, "FUTEX_", false},
		{"kill tkill", 1, "SIG", false},
		{"tgkill", 2, "SIG", false},
		{"rt_sigaction", 0, "SIG", false},
		{"rt_sigprocmask", 0, "SIG_", false},
		{"getsockopt setsockopt", 1, "SOL_", false},
		{"shutdown", 1, "SHUT_", false},
		{"sendto recvfrom", 3, "MSG_", true},
		{"sendmsg recvmsg", 2, "MSG_", true},
		{"ptrace", 0, "PTRACE_", false},
		{"seccomp", 0, "SECCOMP_SET_ SECCOMP_GET_", false},
		{"prlimit64", 1, "RLIMIT_", false},
		{"setrlimit getrlimit ugetrlimit", 0, "RLIMIT_", false},
		{"getpriority setpriority", 0, "PRIO_", false},
		{"sched_setscheduler", 1, "SCHED_", false},
		{"keyctl", 0, "KEYCTL_", false},
		{"getrandom", 2, "GRND_", true},
	} {
		for call := range strings.FieldsSeq(n.calls) {
			all[argument{call, n.arg}] = naming{n.prefixes, n.flags}
		}
	}
	return all
})

// preferred are the names that people use where a number has several, and avoided
// are parts of names that are no values of what others with their prefix are.
var (
	preferred = strings.Fields(`AF_UNIX AF_NETLINK MAP_ANONYMOUS O_NONBLOCK SCHED_OTHER SIGABRT SIGCHLD SIGIO SIG_BLOCK SOCK_STREAM SOCK_NONBLOCK
		SOCK_CLOEXEC MADV_NORMAL FUTEX_WAIT FUTEX_WAKE FUTEX_WAIT_PRIVATE TIOCINQ F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_SETLK F_SETLKW F_GETLK
		CLOCK_REALTIME CLOCK_MONOTONIC SOL_SOCKET SOL_IP MSG_NOSIGNAL MSG_DONTWAIT PRIO_PROCESS`)
	avoided = strings.Fields(`PR_SET_MM_ MAP_FILE MAP_TYPE MAP_HUGE_ _MASK _MAX _MIN CLONE_ARGS AF_MAX PTRACE_EVENT_ PTRACE_O_ PTRACE_SYSCALL_INFO
		AT_EMPTY_PATH_ F_OWNER F_SEAL_ F_EXLCK F_SHLCK F_RDLCK F_WRLCK F_UNLCK SOCK_ASYNC SOCK_WAKE _BUF_LOCK _SNDBUF_ _RCVBUF_ O_ACCMODE KVM_CAP KVM_EXIT
		SIGEV_ SIGSTKSZ MINSIGSTKSZ CLOCK_EXT CLOCK_INT CLOCK_TX CLOCK_TXFROMRX CLOCK_DEFAULT FUTEX_PRIVATE_FLAG FUTEX_CLOCK FUTEX_OP_ FUTEX_BITSET`)
)

// kvmType is what the second byte of KVM's ioctl commands is: the numbers of other
// constants that begin with KVM_ are no commands.
const kvmType = 0xae

// ArgumentText says a number in a syscall's argument as its manual page does:
// AF_INET6, O_WRONLY | O_CREAT. Where mask is set it is bits that are looked at,
// and several names are in parentheses. ok is false where the number, or one of
// its bits, has no name.
func (a Arch) ArgumentText(call string, arg int, k uint64, mask bool) (text string, ok bool) {
	n, ok := namings()[argument{call, arg}]
	if call == "ioctl" && arg == 1 && k>>8&0xff == kvmType {
		n = naming{prefixes: "KVM_"}
	}
	switch {
	case !ok || call == "clone" && a == S390X: // its arguments are in another order
		return "", false
	case n.flags:
		return flagNames(a, n, k, mask)
	case mask:
		return "", false
	}
	return constantOf(a, n, k)
}

// constantOf returns the best name of a number.
func constantOf(a Arch, n naming, k uint64) (string, bool) {
	for prefix := range strings.FieldsSeq(n.prefixes) {
		best := ""
		for name, value := range a.withPrefix(prefix) {
			switch {
			case value != k || strings.HasPrefix(name[len(prefix):], "_") || // SIG_BLOCK is no signal
				slices.ContainsFunc(avoided, func(part string) bool { return strings.Contains(name, part) }):
			case slices.Contains(preferred, name):
				return name, true
			case best == "":
				best = name
			}
		}
		if best != "" {
			return best, true
		}
	}
	return "", false
}

// flagNames returns flags joined by |; parenthesised where they stand beside an
// operator, which they do for a mask. Of what is mostly set the complement is
// named.
func flagNames(a Arch, n naming, k uint64, beside bool) (string, bool) {
	if k == 0 {
		return "", false
	}
	if bits.OnesCount64(k) > 32 {
		text, ok := flagNames(a, n, ^k, true)
		return "~" + text, ok
	}
	var list []string
	for rest := k; rest != 0; rest &= rest - 1 {
		name, ok := constantOf(a, n, rest&-rest)
		if !ok {
			return "", false
		}
		list = append(list, name)
	}
	text := strings.Join(list, " | ")
	if beside && len(list) > 1 {
		text = "(" + text + ")"
	}
	return text, true
}

// withPrefix returns the constants whose names begin with a prefix.
func (a Arch) withPrefix(prefix string) iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		i, _ := constantIndex(prefix)
		for ; i < len(constantTable) && strings.HasPrefix(constantTable[i].name, prefix); i++ {
			if k, ok := a.constantAt(i); ok && !yield(constantTable[i].name, k) {
				return
			}
		}
	}
}
