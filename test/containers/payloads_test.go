package containers

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A payload is what a container runs, and how its container is set up: by a
// bundle's config or by an engine's flags. It calls uname, says what came of it,
// and stays until it is given a byte.
type payload struct {
	name string
	args []string
	set  func(t testing.TB, b *bundle)
	// flags are those of docker run and podman run.
	flags []string
	// remapped is whether the container is in a user namespace, for which Docker takes
	// a daemon of its own.
	remapped bool
	// otherProfile is whether the container has Docker's profile, or the engine's own.
	otherProfile bool
	// newPrivs is whether it may gain privileges: no_new_privs is not set.
	newPrivs bool

	// What is seen of the refused uname.
	code   int
	stdout string
	ready  string // the line that says that it waits; "waiting" if empty
	execs  bool   // it needs to execute something to show it
	fails  bool   // it can't be started
	daily  bool   // whether every `make test` runs it under runc and crun
}

const saw = "uname EXFULL\n"

var payloads = []payload{
	{name: "Go", args: []string{"payload"}, code: 3, stdout: saw, daily: true},
	{name: "static", args: []string{"first"}, code: int(unix.EXFULL), daily: true},
	{name: "dynamic", args: []string{"dynamic"}, code: 3, stdout: saw},
	{name: "`#!` script", args: []string{"script"}, code: 3, stdout: "script started\n" + saw, ready: "script waiting\n", execs: true, daily: true},
	{name: "non-root", args: []string{"payload"}, code: 3, stdout: saw, flags: []string{"--user=1000:1000"}, set: func(_ testing.TB, b *bundle) {
		b.spec.Process.User = specs.User{UID: 1000, GID: 1000}
	}},
	{name: "user namespace", args: []string{"payload"}, code: 3, stdout: saw, daily: true, remapped: true, set: func(_ testing.TB, b *bundle) {
		ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
		b.spec.Linux.Namespaces = append(b.spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		b.spec.Linux.UIDMappings, b.spec.Linux.GIDMappings = ids, ids
		b.open()
	}},
	{name: "no capabilities", args: []string{"payload"}, code: 3, stdout: saw, flags: []string{"--cap-drop=ALL"}, set: func(_ testing.TB, b *bundle) {
		b.spec.Process.Capabilities = &specs.LinuxCapabilities{}
	}},
	{name: "no_new_privs off", args: []string{"payload"}, code: 3, stdout: saw, daily: true, newPrivs: true, set: func(_ testing.TB, b *bundle) {
		b.spec.Process.NoNewPrivileges = false
	}},
	{name: "Docker's profile underneath", args: []string{"payload"}, code: 3, stdout: saw, otherProfile: true, set: func(t testing.TB, b *bundle) {
		p, err := seccomp.GetDefaultProfile(b.spec)
		if err != nil {
			t.Fatal(err)
		}
		b.spec.Linux.Seccomp = p
	}},
	{name: "no such command", args: []string{"/missing"}, fails: true, daily: true},
}

// makePayloads puts the payloads into a root file system.
func makePayloads(t testing.TB, root string) {
	t.Helper()
	copyFile(t, filepath.Join(bin, "payload"), filepath.Join(root, "bin/payload"))
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, "bin", name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write("script", "#!/bin/sh\necho script started\npayload </dev/null\necho script waiting\nread line\nexit 3\n")
	write("first", string(elf(first)))

	need(t, "gcc", "ldd")
	source := filepath.Join(t.TempDir(), "dynamic.c")
	if err := os.WriteFile(source, []byte(dynamic), 0o644); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(root, "bin/dynamic")
	if out, err := exec.Command("gcc", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	libraries, err := exec.Command("ldd", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, library := range regexp.MustCompile(`/\S+`).FindAllString(string(libraries), -1) {
		to := filepath.Join(root, library)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		copyFile(t, library, to)
	}
}

const dynamic = `#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

int main(void)
{
	struct utsname u;
	char byte;
	printf("uname %s\nwaiting\n", uname(&u) == 0 ? "ok" : errno == EXFULL ? "EXFULL" : "failed");
	fflush(stdout);
	return read(0, &byte, 1) < 0 ? 4 : 3;
}
`

// first is a program whose first call is uname; its exit code is the errno.
var first = append([]byte{
	0x48, 0x8d, 0xbc, 0x24, 0x00, 0xf0, 0xff, 0xff, // lea rdi, [rsp-4096]
	0xb8, 63, 0, 0, 0, 0x0f, 0x05, // mov eax, uname; syscall
	0x89, 0xc3, 0xf7, 0xdb, // mov ebx, eax; neg ebx
	0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0, // mov eax, write; mov edi, 1
	0x48, 0x8d, 0x35, 32, 0, 0, 0, 0xba, 8, 0, 0, 0, 0x0f, 0x05, // lea rsi, [rip+32]; mov edx, 8; syscall
	0x31, 0xc0, 0x31, 0xff, // xor eax, eax (read); xor edi, edi
	0x48, 0x8d, 0x74, 0x24, 0xc0, 0xba, 1, 0, 0, 0, 0x0f, 0x05, // lea rsi, [rsp-64]; mov edx, 1; syscall
	0x89, 0xdf, 0xb8, 231, 0, 0, 0, 0x0f, 0x05, // mov edi, ebx; mov eax, exit_group; syscall
}, "waiting\n"...)

// atOnce is a program whose very first instruction is a call, of read, for the
// kernel starts programs with all registers 0. Its exit code is the errno.
var atOnce = []byte{
	0x0f, 0x05, // syscall
	0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05, // neg eax; mov edi, eax; mov eax, exit_group; syscall
}

// elf returns the smallest x86_64 program with this code.
func elf(code []byte) []byte {
	const base, header = 0x400000, 64 + 56
	le := binary.LittleEndian
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 62, 0, 1, 0, 0, 0}
	b = le.AppendUint64(b, base+header)
	b = le.AppendUint64(b, 64)
	b = append(b, make([]byte, 12)...)
	for _, v := range []uint16{64, 56, 1, 64, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1)
	b = le.AppendUint32(b, 5)
	for _, v := range []uint64{0, base, base, header + uint64(len(code)), header + uint64(len(code)), 0x1000} {
		b = le.AppendUint64(b, v)
	}
	return append(b, code...)
}

// open lets other users reach the bundle and what all bundles share.
func (b *bundle) open() { open(b.dir) }

// open lets other users reach a directory.
func open(dir string) {
	for ; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755)
	}
}
