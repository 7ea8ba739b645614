package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// examples are what the help of a command shows of its use. They are about files that
// the tests make.
var examples = map[string][]string{
	"check":     {"secco check web.secco"},
	"compile":   {"secco compile web.secco -o web.bpf", "secco compile web.secco --arch x86_64,i386 --format c -o web.h"},
	"convert":   {"secco convert web.secco -o web.json", "secco convert web.json --to secco"},
	"emulate":   {"secco emulate web.secco socket AF_INET 'SOCK_STREAM | SOCK_CLOEXEC'", "secco emulate web.json --arch aarch64 openat"},
	"disasm":    {"secco disasm web.secco", "secco disasm web.bpf -o web.asm"},
	"asm":       {"secco asm web.asm -o web.bpf"},
	"decompile": {"secco decompile web.bpf -o web.secco"},
	"merge":     {"secco merge web.secco web-server", "secco merge --intersection web.secco docker-default -o both.bpf --to bpf"},
	"prove":     {"secco prove web.secco web.bpf", "secco prove --stricter pure no-network"},
	"diff":      {"secco diff web.secco web.json"},
	"verify":    {"secco verify --no-profile web.secco"},
	"test":      {"secco test --boundaries web.secco"},
	"cost":      {"secco cost web.secco", "secco cost web.secco -o cost.svg"},
	"run":       {"secco run no-network -- make", "secco run --explain web.secco -- ./server --port 8080"},
	"fmt":       {"secco fmt --check web.secco", "secco fmt -w web.secco"},
	"profiles":  {"secco profiles docker-default"},
}

// readingFlags is the heading of the flags about how a filter is read.
const readingFlags = "How FILTER is read (secco --help says what it can be)"

// helpOf returns the template of a command's help, with its examples.
func helpOf(c *cli.Command) string {
	list := examples[c.Name]
	if list == nil {
		return cli.CommandHelpTemplate
	}
	const options = "{{if .VisibleFlagCategories}}"
	return strings.Replace(cli.CommandHelpTemplate, options, "\n\nEXAMPLES:\n   "+strings.Join(list, "\n   ")+options, 1)
}
