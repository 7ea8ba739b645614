package policies_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"secco/bpf"
	"secco/hook"
	"secco/hook/policies"
	"secco/linux"
)

const text = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = EPERM\nDEFAULT_POLICY = EPERM\nread: 1\n"

var program = bpf.Program{{Op: bpf.RetK, K: uint32(linux.Log)}}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// vouch writes the sums of what is there for a name.
func vouch(t *testing.T, dir, name string) {
	t.Helper()
	files := [2][]byte{}
	for i, ext := range []string{".secco", ".bpf"} {
		data, err := os.ReadFile(filepath.Join(dir, name+ext))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = data
	}
	sums, err := policies.Sums(name, files[0], files[1])
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, name+".sha256"), sums)
}

func encoded(p bpf.Program) []byte { return bpf.Encode(p, binary.NativeEndian) }

func TestStore(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("text.secco"), []byte(text))
	write(t, at("program.bpf"), encoded(program))
	write(t, at("both.secco"), []byte(text))
	write(t, at("both.bpf"), encoded(program))
	write(t, at("outdated.secco"), []byte(text))
	write(t, at("outdated.bpf"), encoded(program))
	write(t, at("broken.secco"), []byte(text))
	write(t, at("broken.bpf"), []byte("broken"))
	vouch(t, dir, "both")
	vouch(t, dir, "outdated")
	write(t, at("outdated.secco"), []byte(text+"\n"))
	vouch(t, dir, "broken")
	write(t, at("replaced.secco"), []byte(text))
	write(t, at("replaced.bpf"), encoded(bpf.Program{{Op: bpf.RetK}}))
	vouch(t, dir, "replaced")
	write(t, at("replaced.bpf"), encoded(program))
	write(t, at("unvouched.secco"), []byte(text))
	write(t, at("unvouched.bpf"), encoded(program))
	write(t, at("garbled.secco"), []byte(text))
	write(t, at("garbled.bpf"), encoded(program))
	vouch(t, dir, "garbled")
	write(t, at("garbled.sha256"), []byte("garbled"))
	write(t, at("profile.json"), []byte(`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`))
	write(t, at("web-server.secco"), []byte(text))
	store := policies.Store{Dir: dir, Shipped: true}

	for _, c := range []struct{ name, file string }{
		{"text", "text.secco"},
		{"program", "program.bpf"},
		{"both", "both.bpf"},
		{"outdated", "outdated.secco"},
		{"broken", "broken.secco"},
		{"replaced", "replaced.secco"},
		{"unvouched", "unvouched.secco"},
		{"garbled", "garbled.secco"},
		{"profile", "profile.json"},
		{"web-server", "web-server.secco"}, // the directory stands before what is shipped
	} {
		f, err := store.Load(c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if f.Name != at(c.file) {
			t.Errorf("%s: came from %s", c.name, f.Name)
		}
		read, write := uint32(unix.SYS_READ), uint32(unix.SYS_WRITE)
		arch, _ := linux.ParseArch(runtime.GOARCH)
		wantRead, wantWrite := linux.Allow, linux.Errno.With(1)
		if strings.HasSuffix(c.file, ".bpf") {
			wantRead, wantWrite = linux.Log, linux.Log
		}
		if got := hook.Verdicts(f.Program, arch, read); len(got) != 1 || got[0] != wantRead {
			t.Errorf("%s: read: %v", c.name, got)
		}
		if got := hook.Verdicts(f.Program, arch, write); len(got) != 1 || got[0] != wantWrite {
			t.Errorf("%s: write: %v", c.name, got)
		}
		g, err := policies.Store{}.LoadFile(at(c.file))
		if err != nil || len(g.Program) != len(f.Program) {
			t.Errorf("%s as a file: %v", c.file, err)
		}
	}
	if f, err := store.Load("pure"); err != nil || f.Name != "pure (shipped)" {
		t.Errorf("a shipped policy: %v, %v", f, err)
	}
	if _, err := (policies.Store{Dir: dir}).Load("pure"); !os.IsNotExist(err) && (err == nil || !strings.Contains(err.Error(), "no policy")) {
		t.Errorf("shipped policies were not asked for: %v", err)
	}
	if f, err := (policies.Store{Dir: at("missing"), Shipped: true}).Load("pure"); err != nil || f.Policy == nil {
		t.Errorf("without the directory: %v", err)
	}
}

// Guards are about the running kernel.
func TestGuards(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "new.secco"), []byte(text+"when kernel >= 3.17 {\n\twrite: 1\n}\n"))
	write(t, filepath.Join(dir, "new.bpf"), encoded(program))
	write(t, filepath.Join(dir, "old.secco"), []byte(text+"write: 1\narch x86_64, aarch64 { when kernel < 3.17 {\n\twrite: return EPERM\n} }\n"))
	write(t, filepath.Join(dir, "old.bpf"), encoded(program))
	write(t, filepath.Join(dir, "comment.secco"), []byte(text+"# when in doubt\n"))
	write(t, filepath.Join(dir, "comment.bpf"), encoded(program))
	vouch(t, dir, "comment")
	arch, _ := linux.ParseArch(runtime.GOARCH)
	nr, _ := arch.Syscall("write")
	for _, c := range []struct {
		name, file string
		want       linux.Action
	}{{"new", "new.secco", linux.Allow}, {"old", "old.secco", linux.Allow}, {"comment", "comment.bpf", linux.Log}} {
		byName, err := policies.Store{Dir: dir}.Load(c.name)
		if err != nil {
			t.Fatal(err)
		}
		byPath, err := (policies.Store{}).LoadFile(filepath.Join(dir, c.name+".secco"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []*policies.Filter{byName, byPath} {
			if got := hook.Verdicts(f.Program, arch, nr); filepath.Base(f.Name) != c.file || len(got) != 1 || got[0] != c.want {
				t.Errorf("%s: %s: %v", c.name, f.Name, got)
			}
		}
	}
	f, err := (policies.Store{}).LoadFile(filepath.Join(dir, "new.bpf"))
	if err != nil || len(f.Program) != 1 {
		t.Errorf("a program that is named itself: %v", err)
	}
}

// Capabilities are asked for where there may be guards, and whose are unknown is an
// error there.
func TestCapabilities(t *testing.T) {
	dir := t.TempDir()
	const guarded = "when cap(CAP_SYS_ADMIN) {\n\twrite: 1\n}\n"
	write(t, filepath.Join(dir, "plain.secco"), []byte(text))
	write(t, filepath.Join(dir, "guarded.secco"), []byte(text+guarded))
	// Profiles of Docker's form, with a guard about write.
	profile := func(guard string) []byte {
		return []byte(`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},` +
			`{"names":["write"],"action":"SCMP_ACT_ALLOW",` + guard + `}]}`)
	}
	write(t, filepath.Join(dir, "docker.json"), profile(`"includes":{"caps":["CAP_SYS_ADMIN"]}`))
	write(t, filepath.Join(dir, "docker-chown.json"), profile(`"includes":{"caps":["CAP_CHOWN"]}`))
	write(t, filepath.Join(dir, "docker-without.json"), profile(`"excludes":{"caps":["CAP_CHOWN"]}`))
	write(t, filepath.Join(dir, "docker-old.json"), profile(`"excludes":{"minKernel":"3.17"}`))
	write(t, filepath.Join(dir, "docker-new.json"), profile(`"includes":{"minKernel":"200.1"}`))
	write(t, filepath.Join(dir, "oci.json"), []byte(`{"defaultAction":"SCMP_ACT_ERRNO"}`))
	arch, _ := linux.ParseArch(runtime.GOARCH)
	verdict := func(f *policies.Filter, syscall string) linux.Action {
		nr, _ := arch.Syscall(syscall)
		return hook.Verdicts(f.Program, arch, nr)[0]
	}
	for _, c := range []struct {
		name, syscall string
		caps          []string
		want          linux.Action
	}{
		{"guarded", "write", nil, linux.Errno.With(1)},
		{"guarded", "write", []string{"CAP_CHOWN", "CAP_NEWER"}, linux.Errno.With(1)},
		{"guarded", "write", []string{"CAP_CHOWN", "CAP_SYS_ADMIN"}, linux.Allow},
		{"docker-default", "chroot", nil, linux.Errno.With(1)},
		{"docker-default", "chroot", []string{"CAP_SYS_CHROOT"}, linux.Allow},
		{"docker", "write", nil, linux.Errno.With(1)},
		{"docker", "write", []string{"CAP_CHOWN", "CAP_NEWER"}, linux.Errno.With(1)},
		{"docker", "write", []string{"CAP_CHOWN", "CAP_SYS_ADMIN"}, linux.Allow},
		{"docker-chown", "write", nil, linux.Errno.With(1)}, // though it is among Docker's default ones
		{"docker-chown", "write", []string{"CAP_CHOWN"}, linux.Allow},
		{"docker-without", "write", []string{"CAP_KILL"}, linux.Allow},
		{"docker-without", "write", []string{"CAP_CHOWN"}, linux.Errno.With(1)},
		{"docker-old", "write", nil, linux.Errno.With(1)},
		{"docker-new", "write", nil, linux.Errno.With(1)},
	} {
		if c.name == "docker-default" && runtime.GOARCH != "amd64" {
			continue // the shipped one is for x86's architectures
		}
		store := policies.Store{Dir: dir, Shipped: true, Capabilities: func() ([]string, error) { return c.caps, nil }}
		f, err := store.Load(c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := verdict(f, c.syscall); got != c.want {
			t.Errorf("%s with %v: %s gets %v, want %v", c.name, c.caps, c.syscall, got, c.want)
		}
	}
	unknown := policies.Store{Dir: dir, Shipped: true, Capabilities: func() ([]string, error) { return nil, os.ErrPermission }}
	for name, want := range map[string]error{"plain": nil, "guarded": os.ErrPermission, "docker-default": os.ErrPermission, "docker": os.ErrPermission, "oci": nil} {
		if _, err := unknown.Load(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := unknown.LoadFile(filepath.Join(dir, "guarded.secco")); !errors.Is(err, os.ErrPermission) {
		t.Errorf("as a file: %v", err)
	}
}

// No name leads out of the directory, and nothing that isn't a small regular file
// is read.
func TestStoreRefuses(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "dir")
	write(t, filepath.Join(top, "outside.secco"), []byte(text))
	write(t, filepath.Join(dir, "inside.secco"), []byte(text))
	write(t, filepath.Join(dir, "sub", "deep.secco"), []byte(text))
	write(t, filepath.Join(dir, "large.secco"), make([]byte, policies.MaxSize+1))
	write(t, filepath.Join(dir, "wrong.secco"), []byte("read: nonsense\n"))
	write(t, filepath.Join(dir, "wrong.bpf"), []byte("xyz"))
	write(t, filepath.Join(dir, "invalid.bpf"), encoded(bpf.Program{{Op: bpf.LdImm}}))
	write(t, filepath.Join(dir, "nothing.json"), []byte(`{}`))
	for link, target := range map[string]string{"link.secco": "../outside.secco", "absolute.secco": filepath.Join(top, "outside.secco"), "loop.secco": "loop.secco"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe.secco"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.secco"), 0o755); err != nil {
		t.Fatal(err)
	}
	store := policies.Store{Dir: dir, Shipped: true}
	if _, err := store.Load("inside"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"", ".", "..", "../outside", "sub/deep", "/etc/passwd", "inside.secco", "inside\x00", "-x", ".hidden", "a b", "ü", strings.Repeat("x", 200),
		"missing", "large", "wrong", "invalid", "nothing", "link", "absolute", "loop", "pipe", "folder",
	} {
		if f, err := store.Load(name); err == nil {
			t.Errorf("%q: loaded %s", name, f.Name)
		}
	}
	for _, name := range []string{"missing.secco", "plain", "", "large.secco", "pipe.secco", "folder.secco", "wrong.bpf", "invalid.bpf", "nothing.json"} {
		if f, err := (policies.Store{}).LoadFile(filepath.Join(dir, name)); err == nil {
			t.Errorf("file %q: loaded %s", name, f.Name)
		}
	}
}

func TestIsName(t *testing.T) {
	for s, want := range map[string]bool{
		"web-server": true, "a": true, "v1.2": true, "user@host": true, "web.secco": false, "x.bpf": false, "p.json": false,
		"./web": false, "/etc/x": false, "": false, "..": false, "-": false,
	} {
		if got := policies.IsName(s); got != want {
			t.Errorf("%q: %t", s, got)
		}
	}
}
