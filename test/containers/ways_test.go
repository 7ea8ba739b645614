package containers

import (
	"encoding/base64"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook/container"
	"secco/hook/policies"
)

// A way is one of the ways in: it changes a bundle so that its payload runs under
// a policy, and returns what is to be run as the runtime.
type way struct {
	name string
	// policy is the text that the way puts on; uname gives EXFULL in each.
	policy string
	apply  func(t testing.TB, b *bundle, rt runtime, dir string) (path string, global []string)
	// exact is whether the kernel is to hold the compiled program itself.
	exact bool
	// noExec is whether the payload may not execute anything.
	noExec bool
	// ignoredBy names the runtime that doesn't know this way.
	ignoredBy string
}

func hookOf(args ...string) specs.Hook {
	return specs.Hook{Path: filepath.Join(bin, "secco-hook"), Args: append([]string{"secco-hook"}, args...)}
}

// profileOf returns a policy as the profile that secco makes of it.
func profileOf(t testing.TB, dir string) *specs.LinuxSeccomp {
	t.Helper()
	p, _, err := container.Profile(load(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t testing.TB, dir string) *policies.Filter {
	t.Helper()
	f, err := policies.LoadFile(filepath.Join(dir, "p.secco"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wrapped(flags ...string) func(t testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
	return func(_ testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
		b.mount(dir, "/secco")
		b.spec.Process.Args = slices.Concat([]string{"/bin/secco-wrap", "--policy", "/secco/p.secco"}, flags, []string{"--"}, b.spec.Process.Args)
		return rt.path, nil
	}
}

var ways = []way{
	{name: "wrap", policy: noUname, exact: true, apply: wrapped()},
	{name: "wrap-gate", policy: noExec, noExec: true, apply: wrapped("--gate")},
	{name: "hook-install", policy: noExec, exact: true, noExec: true, apply: func(_ testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
		b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf("install", "--dir", dir, "--default", "p")}}
		return rt.path, nil
	}},
	{name: "hook-install-prestart", policy: noExec, exact: true, noExec: true, apply: func(_ testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
		b.spec.Hooks = &specs.Hooks{Prestart: []specs.Hook{hookOf("install", "--dir", dir, "--default", "p")}}
		return rt.path, nil
	}},
	{name: "hook-gate", policy: noUname, apply: func(t testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
		b.spec.Linux.Seccomp = profileOf(t, dir)
		b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf("gate", "--stricter-than", filepath.Join(dir, "p.secco"))}}
		return rt.path, nil
	}},
	{name: "hook-gate-installed", policy: noUname, apply: func(t testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
		b.spec.Linux.Seccomp = profileOf(t, dir)
		b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf("gate", "--installed", "--stricter-than", filepath.Join(dir, "p.secco"))}}
		return rt.path, nil
	}},
	{name: "runtime-wrapper", policy: noUname, apply: func(_ testing.TB, _ *bundle, rt runtime, dir string) (string, []string) {
		return filepath.Join(bin, "secco-runtime"), []string{"--secco-runtime=" + rt.path, "--secco-dir=" + dir, "--secco-default=p"}
	}},
	{name: "crun-annotation", policy: noUname, exact: true, ignoredBy: "runc", apply: func(t testing.TB, b *bundle, rt runtime, dir string) (string, []string) {
		b.spec.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
		b.annotate("run.oci.seccomp_bpf_data", base64.StdEncoding.EncodeToString(bpf.Encode(load(t, dir).Program, binary.NativeEndian)))
		return rt.path, nil
	}},
}

func (b *bundle) annotate(name, value string) {
	if b.spec.Annotations == nil {
		b.spec.Annotations = map[string]string{}
	}
	b.spec.Annotations[name] = value
}

// A payload is what a container runs, and how its container is set up.
type payload struct {
	name string
	args []string
	set  func(t testing.TB, b *bundle)
	// What is seen of the refused uname, under a policy with execve and without.
	code           int
	stdout, stderr string
	execs          bool // it needs to execute something to show it
	fails          bool // it can't be started
	daily          bool // whether every `make test` runs it
}

const saw = "uname EXFULL\n"

var payloads = []payload{
	{name: "go", args: []string{"payload"}, code: 3, stdout: saw, daily: true},
	{name: "static", args: []string{"/secco-first/first"}, set: mountFirst, code: int(unix.EXFULL), daily: true},
	{name: "dynamic", args: []string{"/usr/bin/uname"}, set: mountLibraries, code: 1, stderr: "Exchange full"},
	{name: "script", args: []string{"script"}, code: 3, stdout: "script started\n" + saw, execs: true, daily: true},
	{name: "non-root", args: []string{"payload"}, code: 3, stdout: saw, set: func(_ testing.TB, b *bundle) {
		b.spec.Process.User = specs.User{UID: 1000, GID: 1000}
	}},
	{name: "user-namespace", args: []string{"payload"}, code: 3, stdout: saw, daily: true, set: func(_ testing.TB, b *bundle) {
		ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
		b.spec.Linux.Namespaces = append(b.spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		b.spec.Linux.UIDMappings, b.spec.Linux.GIDMappings = ids, ids
		b.open()
	}},
	{name: "no-capabilities", args: []string{"payload"}, code: 3, stdout: saw, set: func(_ testing.TB, b *bundle) {
		b.spec.Process.Capabilities = &specs.LinuxCapabilities{}
	}},
	{name: "new-privileges", args: []string{"payload"}, code: 3, stdout: saw, daily: true, set: func(_ testing.TB, b *bundle) {
		b.spec.Process.NoNewPrivileges = false
	}},
	{name: "docker-profile", args: []string{"payload"}, code: 3, stdout: saw, set: func(t testing.TB, b *bundle) {
		p, err := seccomp.GetDefaultProfile(b.spec)
		if err != nil {
			t.Fatal(err)
		}
		b.spec.Linux.Seccomp = p
	}},
	{name: "missing", args: []string{"/missing"}, fails: true, daily: true},
}

// mountFirst gives the container a program whose first instructions are the
// refused call; its exit code is the errno.
func mountFirst(t testing.TB, b *bundle) {
	dir := t.TempDir()
	code := []byte{
		0x48, 0x8d, 0xbc, 0x24, 0x00, 0xf0, 0xff, 0xff, // lea rdi, [rsp-4096]
		0xb8, 63, 0, 0, 0, 0x0f, 0x05, // mov eax, uname; syscall
		0xf7, 0xd8, 0x89, 0xc7, 0xb8, 231, 0, 0, 0, 0x0f, 0x05, // neg eax; mov edi, eax; mov eax, exit_group; syscall
	}
	if err := os.WriteFile(filepath.Join(dir, "first"), elf(code), 0o755); err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir, 0o755)
	b.mount(dir, "/secco-first")
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

// mountLibraries makes the host's programs and libraries visible.
func mountLibraries(_ testing.TB, b *bundle) {
	for _, dir := range []string{"/usr", "/lib", "/lib64"} {
		if path, err := filepath.EvalSymlinks(dir); err == nil {
			b.mount(path, dir)
		}
	}
}

// open lets other users reach the bundle and what all bundles share.
func (b *bundle) open() {
	for dir := b.dir; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755)
	}
}

// TestGateRefuses: containers that are less strict than the policy don't start,
// and the reason is a call that shows it.
func TestGateRefuses(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		dir := policyDir(t, map[string]string{"p.secco": noUname, "other.secco": noExec})
		log := filepath.Join(t.TempDir(), "log")
		open := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"reboot"}, Action: specs.ActErrno}}}
		for _, c := range []struct {
			name    string
			profile *specs.LinuxSeccomp
			flags   []string
			stderr  string
			log     string
		}{
			{"unconfined", nil, nil, "the container is unconfined", ""},
			{"less strict", open, nil, "uname(", ""},
			{"unconfined, installed", nil, []string{"--installed", "--log", log}, "", "the payload has no filter"},
			{"less strict, installed", open, []string{"--installed", "--log", log}, "", "uname("},
		} {
			t.Run(c.name, func(t *testing.T) {
				os.Remove(log)
				b := newBundle(t, "payload")
				b.spec.Linux.Seccomp = c.profile
				b.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hookOf(append([]string{"gate", "--stricter-than", filepath.Join(dir, "p.secco")}, c.flags...)...)}}
				r := b.run(rt.path)
				if r.code == 3 || strings.Contains(r.stdout, "uname") {
					t.Errorf("started: %v", r)
				}
				if rt.name == "runc" && !strings.Contains(r.stderr, c.stderr) { // crun keeps a hook's words to itself
					t.Errorf("want %q: %v", c.stderr, r)
				}
				awaitNone(t)
				if text, _ := os.ReadFile(log); !strings.Contains(string(text), c.log) {
					t.Errorf("log %q, want %q", text, c.log)
				}
			})
		}
	})
}

// TestWays runs every payload by every way in under every runtime.
func TestWays(t *testing.T) {
	eachRuntime(t, func(t *testing.T, rt runtime) {
		for _, w := range ways {
			for _, p := range payloads {
				if !p.daily && !long() {
					continue
				}
				t.Run(w.name+"/"+p.name, func(t *testing.T) {
					b := newBundle(t, p.args...)
					if p.set != nil {
						p.set(t, b)
					}
					dir := policyDir(t, map[string]string{"p.secco": w.policy})
					os.Chmod(dir, 0o755)
					b.open()
					path, global := w.apply(t, b, rt, dir)
					r := b.run(path, global...)
					switch {
					case p.fails:
						if r.code == 0 || r.stdout != "" {
							t.Errorf("started: %v", r)
						}
					case w.ignoredBy == rt.name:
						if strings.Contains(r.stdout, "EXFULL") || strings.Contains(r.stderr, "Exchange full") || r.code == int(unix.EXFULL) {
							t.Errorf("%s knows this way now, and the documentation says that it doesn't: %v", rt.name, r)
						}
					case w.noExec && p.execs:
						// the script's interpreter starts, what it executes doesn't
						if strings.Contains(r.stdout, "uname") || r.code == 0 && !strings.Contains(r.stdout, "script started") {
							t.Errorf("executed something: %v", r)
						}
					default:
						expect(t, r, p.code, p.stdout, p.stderr)
						if w.noExec && strings.Contains(r.stdout, "exec <nil>") {
							t.Errorf("executed something: %v", r)
						}
					}
				})
			}
		}
	})
}
