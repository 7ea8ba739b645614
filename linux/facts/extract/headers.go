package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The value of a macro is what the C compiler says it is: every header goes into
// one translation unit, the names that it defines are listed by the
// preprocessor, and an array of them is compiled for a machine that lays out
// types as the target does. Names that are no integer expression draw an error on
// their own line of the array and are left out.

// whole lists the headers whose every integer name is a fact. Of all others only
// ioctl numbers are.
var whole = split(`
asm/cachectl asm/errno asm/fcntl asm/hwprobe asm/ioctl asm/ioctls asm/ldt asm/mman asm/mtrr asm/poll asm/prctl asm/ptrace asm/ptrace-abi
asm/resource asm/shmbuf asm/siginfo asm/signal asm/socket asm/sockios asm/stat asm/sysmips asm/termbits asm/termios asm/vm86
asm-generic/* linux/aio_abi linux/audit linux/blkpg linux/blktrace_api linux/bpf linux/bpf_common linux/bpf_perf_event linux/can linux/capability
linux/cdrom linux/close_range linux/cn_proc linux/connector linux/dm-ioctl linux/dqblk_xfs linux/elf linux/elf-em linux/errno linux/errqueue
linux/eventfd linux/eventpoll linux/fadvise linux/falloc linux/fanotify linux/fb linux/fcntl linux/fd linux/fiemap linux/filter linux/fs
linux/fscrypt linux/fsverity linux/futex linux/genetlink linux/hdreg linux/hw_breakpoint linux/icmp linux/icmpv6 linux/if linux/if_addr
linux/if_alg linux/if_arp linux/if_ether linux/if_link linux/if_packet linux/if_tun linux/if_tunnel linux/if_vlan linux/if_xdp
linux/igmp linux/in linux/in6 linux/in_route linux/inet_diag linux/inotify linux/io_uring linux/io_uring/* linux/ioprio linux/ip linux/ipc linux/ipv6
linux/kcmp linux/kd linux/kexec linux/keyctl linux/kvm linux/landlock linux/llc linux/loop linux/lsm linux/magic linux/membarrier linux/memfd
linux/mempolicy linux/mman linux/module linux/mount linux/mptcp linux/mqueue linux/msg linux/mtio linux/nbd linux/neighbour linux/net
linux/net_namespace linux/net_tstamp linux/netdevice linux/netfilter linux/netfilter_ipv4 linux/netfilter_ipv6 linux/netlink linux/nsfs
linux/openat2 linux/oom linux/packet_diag linux/perf_event linux/personality linux/pidfd linux/posix_types linux/prctl linux/ptrace linux/quota linux/random
linux/rds linux/reboot linux/resource linux/route linux/rseq linux/rtc linux/rtnetlink linux/sched linux/sched/* linux/sctp linux/seccomp
linux/securebits linux/sem linux/serial linux/shm linux/signal linux/signalfd linux/sock_diag linux/socket linux/sockios
linux/stat linux/suspend_ioctls linux/sysinfo linux/taskstats linux/tcp linux/termios linux/time linux/time_types linux/timerfd linux/times
linux/timex linux/tiocl linux/tls linux/tty linux/tty_flags linux/udp linux/uio linux/un linux/unix_diag linux/userfaultfd
linux/utsname linux/vfio linux/vhost linux/vhost_types linux/vm_sockets linux/vt linux/wait linux/watch_queue linux/watchdog linux/wireless
linux/xattr linux/xfrm scsi/sg scsi/scsi_ioctl
secco/kernel`)

// conflicting are headers that don't go together with the others.
var conflicting = split(`linux/byteorder/* linux/netfilter_ipv4/* linux/netfilter_ipv6/* linux/netfilter_arp/*
linux/netfilter_bridge/* linux/netfilter/* linux/a.out linux/coff xen/* asm/posix_types_*`)

func split(list string) []string { return strings.Fields(list) }

// matches reports whether a header's path, such as linux/fs.h, is in a list.
func matches(list []string, header string) bool {
	header = strings.TrimSuffix(header, ".h")
	return slices.ContainsFunc(list, func(pattern string) bool {
		ok, _ := filepath.Match(pattern, header)
		return ok
	})
}

// Some headers ask for the C library's. What they need of it is this.
const libc = `#ifndef SECCO_LIBC_H
#define SECCO_LIBC_H
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef long time_t;
typedef unsigned short sa_family_t;
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
#define NULL ((void *)0)
struct sockaddr { unsigned short sa_family; char sa_data[14]; };
#include <linux/socket.h>
#include <linux/time.h>
#include <linux/types.h>
#define sockaddr_storage __kernel_sockaddr_storage
#endif
`

var libcHeaders = split(`endian.h netinet/if_ether.h netinet/in.h stddef.h stdint.h stdlib.h string.h
	sys/ioctl.h sys/socket.h sys/time.h sys/types.h time.h unistd.h`)

// ioctl tells the definition of an ioctl number.
var ioctl = regexp.MustCompile(`\b\w*_?IO(C|R|W|WR|RW)?(_\w+)?\s*\(`)

// constantName tells names that a policy may use from those of C's insides.
var constantName = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_\w+)?$`)

// headers evaluates the uapi headers below include (usr/include of
// linux-libc-dev) for each target. extra is text of one more header, for
// constants that the kernel keeps out of uapi.
type headers struct {
	include string
	extra   string
	scratch string
}

// constants returns the value of every constant of one target by its name.
func (h *headers) constants(t target) (map[string]uint64, error) {
	unit, err := h.unit(t)
	if err != nil {
		return nil, err
	}
	names, err := h.names(t, unit)
	if err != nil {
		return nil, err
	}
	return h.evaluate(t, unit, names)
}

// unit returns C text that includes every header that compiles. Headers whose
// names are all facts come last: where two define a name, theirs counts.
func (h *headers) unit(t target) (string, error) {
	if err := os.MkdirAll(filepath.Join(h.scratch, "secco"), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(h.scratch, "secco/kernel.h"), []byte(h.extra), 0o644); err != nil {
		return "", err
	}
	for _, name := range libcHeaders {
		file := filepath.Join(h.scratch, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(libc), 0o644); err != nil {
			return "", err
		}
	}
	var rest, main []string
	for _, root := range []string{h.include, filepath.Join(h.include, t.triplet)} {
		for _, dir := range split("asm asm-generic linux linux/* drm misc mtd rdma scsi sound video xen") {
			files, err := filepath.Glob(filepath.Join(root, dir, "*.h"))
			if err != nil {
				return "", err
			}
			for _, file := range files {
				header, err := filepath.Rel(root, file)
				switch {
				case err != nil:
					return "", err
				case matches(conflicting, header):
				case matches(whole, header) && !strings.HasPrefix(header, "asm-generic"):
					main = append(main, header)
				case !strings.HasPrefix(header, "asm-generic"):
					rest = append(rest, header)
				}
			}
		}
	}
	lines := func() string {
		var b strings.Builder
		b.WriteString("#include <stdint.h>\n#include <secco/kernel.h>\n")
		for _, header := range append(rest[:len(rest):len(rest)], main...) {
			fmt.Fprintf(&b, "#include <%s>\n", header)
		}
		return b.String()
	}
	// Drop the headers that fail, one by one, until the rest compiles.
	for {
		_, stderr, err := h.gcc(t, lines(), "-fsyntax-only")
		if err == nil {
			return lines(), nil
		}
		m := included.FindStringSubmatch(stderr)
		if m == nil {
			return "", fmt.Errorf("%s: the headers don't compile: %s", t.arch, stderr)
		}
		i, _ := strconv.Atoi(m[1])
		i -= 3 // lines count from 1, and the first two are no headers of these
		_, first, _ := strings.Cut(stderr, "error:")
		first, _, _ = strings.Cut(first, "\n")
		switch {
		case i < 0:
			return "", fmt.Errorf("%s: our own header doesn't compile: %s", t.arch, stderr)
		case i < len(rest):
			fmt.Fprintf(os.Stderr, "%s: left out %s: %s\n", t.arch, rest[i], first)
			rest = slices.Delete(rest, i, i+1)
		default:
			fmt.Fprintf(os.Stderr, "%s: left out %s: %s\n", t.arch, main[i-len(rest)], first)
			main = slices.Delete(main, i-len(rest), i-len(rest)+1)
		}
	}
}

var (
	included  = regexp.MustCompile(`(?m)(?:from |^)<stdin>:(\d+)`)
	errorLine = regexp.MustCompile(`(?m)^values:(\d+):\d+: error:`)
)

// asm returns the folders of a target's asm/ headers. Older packages have none of
// their own for x32.
func (h *headers) asm(t target) []string {
	dirs := []string{filepath.Join(h.include, t.triplet)}
	if t.arch == "x32" {
		dirs = append(dirs, filepath.Join(h.include, "x86_64-linux-gnu"))
	}
	return dirs
}

// has reports whether the headers are there for a target.
func (h *headers) has(t target) bool {
	return slices.ContainsFunc(h.asm(t), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "asm/unistd.h"))
		return err == nil
	})
}

func (h *headers) gcc(t target, text string, flags ...string) (stdout, stderr string, err error) {
	args := append([]string{"-w", "-nostdinc", "-ftrack-macro-expansion=0", "-fmax-errors=0", "-std=gnu11", "-x", "c"}, t.flags...)
	for _, dir := range h.asm(t) {
		args = append(args, "-isystem", dir)
	}
	args = append(args, "-isystem", h.include, "-isystem", h.scratch)
	cmd := exec.Command("gcc", append(append(args, flags...), "-")...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, &errs
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	err = cmd.Run()
	return out.String(), errs.String(), err
}

var (
	lineMarker = regexp.MustCompile(`^# \d+ "([^"]*)"`)
	definition = regexp.MustCompile(`^#define (\w+) (.+)`)
	enumStart  = regexp.MustCompile(`\benum\b[\s\w]*\{`)
	enumerator = regexp.MustCompile(`^\s*(\w+)\s*(=|$)`)
)

// names lists the macros and enumerators that are facts.
func (h *headers) names(t target, unit string) ([]string, error) {
	text, stderr, err := h.gcc(t, unit, "-E", "-dD")
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", t.arch, err, stderr)
	}
	found := map[string]bool{}
	var code strings.Builder // of whole headers, without directives
	header := ""
	for line := range strings.Lines(text) {
		if m := lineMarker.FindStringSubmatch(line); m != nil {
			header = h.relative(t, m[1])
			continue
		}
		if m := definition.FindStringSubmatch(line); m != nil {
			if constantName.MatchString(m[1]) && (matches(whole, header) || ioctl.MatchString(m[2])) {
				found[m[1]] = true
			}
			continue
		}
		if matches(whole, header) && !strings.HasPrefix(line, "#") {
			code.WriteString(line)
		}
	}
	for _, body := range enumBodies(code.String()) {
		for _, part := range strings.Split(body, ",") {
			if m := enumerator.FindStringSubmatch(strings.TrimSpace(part)); m != nil && constantName.MatchString(m[1]) {
				found[m[1]] = true
			}
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// enumBodies returns what stands between the braces of every enum.
func enumBodies(code string) []string {
	var bodies []string
	for {
		at := enumStart.FindStringIndex(code)
		if at == nil {
			return bodies
		}
		code = code[at[1]:]
		body, rest, ok := strings.Cut(code, "}")
		if !ok {
			return bodies
		}
		bodies = append(bodies, body)
		code = rest
	}
}

// relative returns a header's path as it is included.
func (h *headers) relative(t target, path string) string {
	for _, root := range []string{filepath.Join(h.include, t.triplet), h.include, h.scratch} {
		if rest, ok := strings.CutPrefix(path, root+"/"); ok {
			return rest
		}
	}
	if m := linked.FindString(path); m != "" {
		return m
	}
	return path
}

// linked is an asm/ header as gcc names it: the folders of the triplets are
// links to others.
var linked = regexp.MustCompile(`\basm/[\w-]+\.h$`)

// evaluate compiles an array of the names and reads it from the object file.
func (h *headers) evaluate(t target, unit string, names []string) (map[string]uint64, error) {
	for {
		var b strings.Builder
		b.WriteString(unit)
		b.WriteString("__attribute__((section(\".secco\"))) const long long secco_values[] = {\n# 1 \"values\"\n")
		for _, name := range names {
			// | refuses pointers and floats; the cast extends the sign of signed types.
			fmt.Fprintf(&b, "(long long)((%s)|0),\n", name)
		}
		b.WriteString("};\n")
		object := filepath.Join(h.scratch, t.arch+".o")
		_, stderr, err := h.gcc(t, b.String(), "-c", "-o", object)
		if err == nil {
			return h.read(object, names)
		}
		bad := map[int]bool{}
		for _, m := range errorLine.FindAllStringSubmatch(stderr, -1) {
			n, _ := strconv.Atoi(m[1])
			bad[n-1] = true
		}
		if len(bad) == 0 {
			return nil, fmt.Errorf("%s: %w: %s", t.arch, err, stderr)
		}
		var good []string
		for i, name := range names {
			if !bad[i] {
				good = append(good, name)
			}
		}
		names = good
	}
}

func (h *headers) read(object string, names []string) (map[string]uint64, error) {
	raw := object + ".values"
	if out, err := exec.Command("objcopy", "-O", "binary", "-j", ".secco", object, raw).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("objcopy: %w: %s", err, out)
	}
	data, err := os.ReadFile(raw)
	if err != nil {
		return nil, err
	}
	if len(data) != 8*len(names) {
		return nil, errors.New("objcopy: the array has another length than the list of names")
	}
	values := make(map[string]uint64, len(names))
	for i, name := range names {
		values[name] = binary.LittleEndian.Uint64(data[8*i:])
	}
	return values, nil
}

var errnoMacro = regexp.MustCompile(`(?m)^#define (E[A-Z0-9]+) `)

// errnos lists the names that asm/errno.h defines.
func (h *headers) errnos(t target) ([]string, error) {
	text, stderr, err := h.gcc(t, "#include <asm/errno.h>\n", "-E", "-dM")
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", t.arch, err, stderr)
	}
	var names []string
	for _, m := range errnoMacro.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names, nil
}
