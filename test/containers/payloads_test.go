package containers

import (
	debugelf "debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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

	program := filepath.Join(root, "bin/dynamic")
	if built := filepath.Join(bin, "dynamic"); os.Getenv("SECCO_TEST_COMMANDS") != "" {
		copyFile(t, built, program)
		copyInterpreter(t, program, root)
		return
	}
	need(t, "gcc", "ldd")
	source := filepath.Join(t.TempDir(), "dynamic.c")
	if err := os.WriteFile(source, []byte(dynamic), 0o644); err != nil {
		t.Fatal(err)
	}
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

// copyInterpreter copies what a program is loaded by into a root file system.
func copyInterpreter(t testing.TB, program, root string) {
	t.Helper()
	file, err := debugelf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	section := file.Section(".interp")
	if section == nil {
		t.Fatalf("%s is static", program)
	}
	data, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimRight(string(data), "\x00")
	if err := os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755); err != nil {
		t.Fatal(err)
	}
	copyFile(t, path, filepath.Join(root, path))
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

// elf returns the smallest program of this machine with this code.
func elf(code []byte) []byte {
	const base, header = 0x400000, 64 + 56
	le := binary.LittleEndian
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, elfMachine, 0, 1, 0, 0, 0}
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

// elf32 returns the smallest program of the 32-bit machine with this code.
func elf32(code []byte) []byte {
	const base, header = 0x8048000, 52 + 32
	b := []byte{0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, elf32Machine, 0, 1, 0, 0, 0}
	word := func(v uint32) { b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	half := func(v uint16) { b = append(b, byte(v), byte(v>>8)) }
	word(base + header)
	word(52)
	word(0)
	word(elf32Flags)
	for _, v := range []uint16{52, 32, 1, 40, 0, 0} {
		half(v)
	}
	size := header + uint32(len(code))
	for _, v := range []uint32{1, 0, base, base, size, size, 5, 0x1000} {
		word(v)
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
