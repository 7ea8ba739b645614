package policies_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"secco/hook/policies"
	"secco/linux"
)

// verdictOf returns what a filter does about a call of this machine with arguments 0.
func verdictOf(t *testing.T, f *policies.Filter, name string) linux.Action {
	t.Helper()
	machine, _ := linux.ParseArch(runtime.GOARCH)
	nr, ok := machine.Syscall(name)
	if !ok {
		t.Fatal(name)
	}
	action, _ := f.Policy.Eval(&linux.SeccompData{Arch: machine.Audit(), NR: nr})
	return action
}

// What policies take in is in their own directory, or comes with secco.
func TestInclude(t *testing.T) {
	dir := t.TempDir()
	const head = "DEFAULT_POSITIVE = allow\nDEFAULT_POLICY = EPERM\n"
	write(t, filepath.Join(dir, "web.secco"), []byte(head+"include \"common/files.secco\"\nread: 1\n"))
	write(t, filepath.Join(dir, "common/files.secco"), []byte("include \"more.secco\"\nopenat: 1\n"))
	write(t, filepath.Join(dir, "common/more.secco"), []byte("close: 1\n"))
	write(t, filepath.Join(dir, "deep/inner.secco"), []byte(head+"include \"x.secco\"\n"))
	write(t, filepath.Join(dir, "deep/x.secco"), []byte("close: 1\n"))
	write(t, filepath.Join(dir, "based.secco"), []byte("base pure\nuname: return EXFULL\n"))
	write(t, filepath.Join(dir, "built.secco"), []byte("base \"web.secco\"\nread: return EXFULL\n"))
	write(t, filepath.Join(dir, "guarded.secco"), []byte(head+"include \"guards.secco\"\n"))
	write(t, filepath.Join(dir, "guards.secco"), []byte("when cap(CAP_KILL) {\n\tkill: 1\n}\nwhen kernel >= 3.5 {\n\tread: 1\n}\n"))
	write(t, filepath.Join(dir, "elsewhere.secco"), []byte(head+"include \"arches.secco\"\nread: 1\n"))
	write(t, filepath.Join(dir, "arches.secco"), []byte("ARCHES = riscv64\n"))
	if err := os.Symlink("files.secco", filepath.Join(dir, "common/link.secco")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "linked.secco"), []byte(head+"include \"common/link.secco\"\n"))

	refused, full := linux.Errno.With(uint16(unix.EPERM)), linux.Errno.With(uint16(unix.EXFULL))
	store := policies.Store{Capabilities: func() ([]string, error) { return []string{"CAP_KILL"}, nil }}
	wants := map[string]map[string]linux.Action{
		"web":     {"read": linux.Allow, "openat": linux.Allow, "close": linux.Allow, "write": refused},
		"based":   {"uname": full, "execve": linux.KillProcess},
		"built":   {"read": full, "openat": linux.Allow, "write": refused},
		"guarded": {"kill": linux.Allow, "read": linux.Allow, "write": refused},
		"linked":  {"openat": linux.Allow, "close": linux.Allow},
	}
	check := func(f *policies.Filter, err error, name string) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for call, want := range wants[name] {
			if got := verdictOf(t, f, call); got != want {
				t.Errorf("%s: %s: %v, want %v", name, call, got, want)
			}
		}
	}
	t.Chdir(dir)
	for name := range wants {
		for _, d := range []string{dir, dir + "/", ".", "./common/.."} {
			store.Dir = d
			f, err := store.Load(name)
			check(f, err, name)
			f, err = store.LoadFile(d + "//" + name + ".secco")
			check(f, err, name)
		}
		f, err := store.LoadFile(name + ".secco")
		check(f, err, name)
	}
	if _, err := store.LoadFile("deep/inner.secco"); err != nil {
		t.Error(err)
	}
	if f, err := store.Load("elsewhere"); err != nil || len(f.Policy.Targets) != 1 || f.Policy.Targets[0].Arch != linux.RISCV64 {
		t.Errorf("targets of an included source: %+v, %v", f, err)
	}
	store.Capabilities = func() ([]string, error) { return nil, fmt.Errorf("not known") }
	if _, err := store.Load("guarded"); err == nil {
		t.Error("guards of an included source, and capabilities that are not known")
	}
}

// outside is what no policy of the directory may take in: with it, uname gives ENOTTY.
const outside = "uname: return ENOTTY\n"

// Nothing leads out of the directory, and nothing makes a start wait.
func TestIncludeRefuses(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "dir")
	write(t, filepath.Join(top, "outside.secco"), []byte(outside))
	write(t, filepath.Join(dir, "sub/file.secco"), []byte("close: 1\n"))
	write(t, filepath.Join(dir, "up.secco"), []byte("include \"../outside.secco\"\n"))
	write(t, filepath.Join(dir, "large.secco"), []byte(strings.Repeat("# ", 9<<20)))
	for link, target := range map[string]string{
		"link.secco": "../outside.secco", "absolute.secco": filepath.Join(top, "outside.secco"), "loop.secco": "loop.secco",
		"parent": "..", "self": ".", "zero.secco": "/dev/zero", "process": "/proc/self",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe.secco"), 0o644); err != nil {
		t.Fatal(err)
	}
	store := policies.Store{Dir: dir, Shipped: true}
	for _, path := range []string{
		"../outside.secco", "sub/../../outside.secco", "./../outside.secco", filepath.Join(top, "outside.secco"), "/etc/passwd", "//etc/passwd", "",
		".", "sub", "link.secco", "absolute.secco", "loop.secco", "parent/outside.secco", "self/../../outside.secco", "zero.secco", "process/environ",
		"pipe.secco", "large.secco", "up.secco", "missing.secco", "p.secco", "sub/file.secco/x",
	} {
		for _, word := range []string{"include", "base"} {
			write(t, filepath.Join(dir, "p.secco"), fmt.Appendf(nil, "%s %q\n", word, path))
			began := time.Now()
			for _, load := range []func() (*policies.Filter, error){
				func() (*policies.Filter, error) { return store.Load("p") },
				func() (*policies.Filter, error) { return store.LoadFile(filepath.Join(dir, "p.secco")) },
			} {
				f, err := load()
				if err == nil {
					t.Errorf("%s %q: loaded, uname gives %v", word, path, verdictOf(t, f, "uname"))
				} else if strings.Contains(err.Error(), "ENOTTY") {
					t.Errorf("%s %q: the error shows what is outside: %v", word, path, err)
				}
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("%s %q: %v", word, path, took)
			}
		}
	}
	for _, name := range []string{"p", "../outside", "no-such-policy"} {
		write(t, filepath.Join(dir, "p.secco"), []byte("base "+name+"\n"))
		if _, err := store.Load("p"); err == nil {
			t.Errorf("base %s: loaded", name)
		}
	}
}

// While a file of the directory is exchanged for a link out of it, and back, again and
// again, a policy takes in what is inside or is refused.
func TestIncludeRace(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "dir")
	write(t, filepath.Join(top, "outside.secco"), []byte(outside))
	write(t, filepath.Join(dir, "p.secco"), []byte("DEFAULT_POLICY = allow\ninclude \"x.secco\"\n"))
	write(t, filepath.Join(dir, "x.secco"), []byte("uname: return EXFULL\n"))
	if err := os.Symlink("../outside.secco", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan bool), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, "x.secco"), unix.AT_FDCWD, filepath.Join(dir, "link"), unix.RENAME_EXCHANGE); err != nil {
				<-stop
				stopped <- err
				return
			}
		}
	}()
	loaded, refused := 0, 0
	for range 2000 {
		f, err := policies.Store{Dir: dir}.Load("p")
		if err != nil {
			refused++
			continue
		}
		loaded++
		if got := verdictOf(t, f, "uname"); got != linux.Errno.With(uint16(unix.EXFULL)) {
			t.Fatalf("uname: %v", got)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if loaded == 0 || refused == 0 {
		t.Errorf("%d loaded, %d refused: that tries nothing", loaded, refused)
	}
}
