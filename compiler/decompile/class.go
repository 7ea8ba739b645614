package decompile

import (
	"strings"
	"sync"
)

// class is a part of what the kernel does. Long lists of syscalls are written
// class by class, so that people can look through them.
type class struct {
	title string
	names string
}

// classes has every syscall that secco knows once; later ones fall to the last.
var classes = []class{
	{"files, directories and their attributes", `
		access chdir chmod chown chown32 chroot creat faccessat faccessat2 fchdir fchmod fchmodat fchmodat2 fchown fchown32
		fchownat fchroot fgetxattr file_getattr file_setattr flistxattr fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64
		ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat lchown lchown32 lgetxattr link linkat
		listxattr listxattrat llistxattr lremovexattr lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at
		newfstatat oldfstat oldlstat oldstat open open_by_handle_at openat openat2 readdir readlink readlinkat removexattr removexattrat
		rename renameat renameat2 rmdir setxattr setxattrat stat stat64 statfs statfs64 statx symlink symlinkat truncate
		truncate64 umask unlink unlinkat ustat utime utimensat utimensat_time64 utimes`},
	{"reading, writing and file descriptors", `
		_llseek cachestat close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fcntl fcntl64
		fdatasync flock fsync ioctl lseek pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readv
		sendfile sendfile64 splice sync sync_file_range sync_file_range2 syncfs tee vmsplice write writev
		arm_fadvise64_64 arm_sync_file_range lock`},
	{"waiting for events, asynchronous I/O", `
		_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
		eventfd2 fanotify_init fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy
		io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit io_uring_enter io_uring_register io_uring_setup poll
		ppoll ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd timerfd_create timerfd_gettime
		timerfd_gettime64 timerfd_settime timerfd_settime64 userfaultfd`},
	{"memory", `
		brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect
		mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_madvise process_mrelease
		remap_file_pages subpage_prot get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node`},
	{"processes and threads", `
		capget capset clone clone3 execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv
		futex_wake get_robust_list get_thread_area get_tls getcpu getpgid getpgrp getpid getppid getsid gettid kcmp pidfd_getfd
		pidfd_open prctl process_vm_readv process_vm_writev ptrace restart_syscall rseq rseq_slice_yield set_robust_list
		set_thread_area set_tid_address set_tls setpgid setsid unshare setns vfork wait4 waitid waitpid personality
		arch_prctl modify_ldt`},
	{"scheduling and limits", `
		getpriority getrlimit getrusage ioprio_get ioprio_set nice prlimit64 sched_get_priority_max sched_get_priority_min
		sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
		sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield setpriority setrlimit ugetrlimit ulimit`},
	{"signals", `
		kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend
		rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack signal sigpending sigprocmask
		sigreturn sigsuspend ssetmask tgkill tkill`},
	{"clocks and timers", `
		adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
		clock_nanosleep clock_nanosleep_time64 clock_settime clock_settime64 ftime getitimer gettimeofday nanosleep setitimer
		settimeofday stime time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime
		timer_settime64 times`},
	{"users and groups", `
		getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid getresuid32
		getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32
		setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`},
	{"network", `
		accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg
		send sendmmsg sendmsg sendto setsockopt shutdown socket socketcall socketpair`},
	{"messages, semaphores and shared memory between processes", `
		ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
		msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`},
	{"keys, sandboxes and other security", `
		add_key getrandom keyctl landlock_add_rule landlock_create_ruleset landlock_restrict_self lsm_get_self_attr
		lsm_list_modules lsm_set_self_attr request_key seccomp`},
	{"mounts", `
		fsconfig fsmount fsopen fspick listmount listns mount mount_setattr move_mount open_tree open_tree_attr pivot_root statmount
		umount umount2`},
	{"running the machine", `
		acct bpf delete_module finit_module init_module ioperm iopl kexec_file_load kexec_load lookup_dcookie
		perf_event_open quotactl quotactl_fd reboot setdomainname sethostname swapoff swapon sysfs sysinfo syslog uname vhangup`},
	{"of one architecture, or no longer used", ""},
}

var classOf = sync.OnceValue(func() map[string]int {
	m := map[string]int{}
	for i, c := range classes {
		for _, name := range strings.Fields(c.names) {
			m[name] = i
		}
	}
	return m
})

// classIndex returns the class of a syscall.
func classIndex(name string) int {
	if i, ok := classOf()[name]; ok {
		return i
	}
	return len(classes) - 1
}
