package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// libcNames are names that only the C library has for values of the kernel.
const libcNames = `
#define R_OK 4
#define W_OK 2
#define X_OK 1
#define STDIN_FILENO 0
#define STDOUT_FILENO 1
#define STDERR_FILENO 2
#define SCHED_OTHER SCHED_NORMAL
#define PTRACE_PEEKUSER PTRACE_PEEKUSR
#define PTRACE_POKEUSER PTRACE_POKEUSR
#define RLIMIT_OFILE RLIMIT_NOFILE
#define RUSAGE_LWP RUSAGE_THREAD
#define POSIX_MADV_NORMAL MADV_NORMAL
#define POSIX_MADV_RANDOM MADV_RANDOM
#define POSIX_MADV_SEQUENTIAL MADV_SEQUENTIAL
#define POSIX_MADV_WILLNEED MADV_WILLNEED
#define POSIX_MADV_DONTNEED MADV_DONTNEED
#define RB_AUTOBOOT LINUX_REBOOT_CMD_RESTART
#define RB_HALT_SYSTEM LINUX_REBOOT_CMD_HALT
#define RB_ENABLE_CAD LINUX_REBOOT_CMD_CAD_ON
#define RB_DISABLE_CAD LINUX_REBOOT_CMD_CAD_OFF
#define RB_POWER_OFF LINUX_REBOOT_CMD_POWER_OFF
#define RB_SW_SUSPEND LINUX_REBOOT_CMD_SW_SUSPEND
#define RB_KEXEC LINUX_REBOOT_CMD_KEXEC
`

// kernelHeader returns C text with constants of syscall arguments that the
// kernel keeps out of its uapi headers, where user space has them from its C
// library: address families, socket types, MSG_, SHUT_, SPLICE_F_, MNT_.
func kernelHeader(source string) (string, error) {
	var b strings.Builder
	for _, part := range []struct {
		file   string
		macros string // prefixes
	}{
		{"include/linux/socket.h", "AF|PF|MSG|SOL"},
		{"include/linux/splice.h", "SPLICE_F"},
		{"include/linux/fs.h", "MNT|UMOUNT"},
		{"include/linux/net.h", "SOCK"},
		{"include/linux/shm.h", "SHM"},
		{"include/linux/swap.h", "SWAP_FLAG"},
	} {
		text, err := os.ReadFile(filepath.Join(source, part.file))
		if err != nil {
			return "", err
		}
		macro := regexp.MustCompile(`(?m)^\s*#\s*define\s+((?:` + part.macros + `)_\w+)\s+\S.*$`)
		seen := map[string]int{}
		all := macro.FindAllStringSubmatch(string(text), -1)
		for _, m := range all {
			seen[m[1]]++
		}
		for _, m := range all {
			line, _, _ := strings.Cut(m[0], "/*")
			// Defined twice: depends on the kernel's configuration. Longer than a
			// line: a mask for the kernel's own use.
			if seen[m[1]] == 1 && !strings.HasSuffix(line, "\\") {
				fmt.Fprintf(&b, "#ifndef %s\n%s\n#endif\n", m[1], strings.TrimSpace(line))
			}
		}
	}
	// MIPS numbers the types of sockets in another order.
	mips, err := enumOf(filepath.Join(source, "arch/mips/include/asm/socket.h"), "sock_type")
	if err != nil {
		return "", err
	}
	generic, err := enumOf(filepath.Join(source, "include/linux/net.h"), "sock_type")
	if err != nil {
		return "", err
	}
	shutdown, err := enumOf(filepath.Join(source, "include/linux/net.h"), "sock_shutdown_cmd")
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "#ifdef __mips__\n%s\n#else\n%s\n#endif\n%s\n", mips, generic, shutdown)
	b.WriteString(libcNames)
	return b.String(), nil
}

func enumOf(file, name string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	body := regexp.MustCompile(`(?s)enum ` + name + ` \{.*?\};`).FindString(string(text))
	if body == "" {
		return "", fmt.Errorf("%s has no enum %s", file, name)
	}
	return body, nil
}
