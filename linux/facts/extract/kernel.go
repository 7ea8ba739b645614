package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

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
