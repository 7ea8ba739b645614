package container

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
)

// Runtimes skip the syscalls of a profile that their libseccomp doesn't know, and
// don't say so. Where the profile refuses them and its default doesn't, they are
// open: so it has to be known which libseccomp it is. A distribution may have taught
// an old release new syscalls; what can be told is its number alone.

// enforceable makes sure that a runtime with a libseccomp enforces what is stricter in
// a profile than its default. find tells the libseccomp, and is asked only where it
// matters.
func enforceable(profile *specs.LinuxSeccomp, find func() (oci.Libseccomp, error)) error {
	native, _ := linux.ParseArch(runtime.GOARCH)
	needs, name := oci.LibseccompFor(profile, native)
	if needs == oci.OldestLibseccomp {
		return nil
	}
	has, err := find()
	if err != nil {
		return fmt.Errorf("a profile that refuses %s takes %s of libseccomp, and the runtime's is not known (libseccomp in the settings tells): %w", name, needs, err)
	}
	if has.Compare(needs) < 0 {
		return fmt.Errorf("the runtime's libseccomp %v doesn't know %s, which takes %v: the runtime would let through what the policy refuses", has, name, needs)
	}
	return nil
}

// libseccomp returns what finds the oldest libseccomp that any of some finders finds.
// Settings win.
func (c Choice) libseccomp(finders ...func() (oci.Libseccomp, error)) func() (oci.Libseccomp, error) {
	return func() (oldest oci.Libseccomp, err error) {
		if c.Libseccomp != "" {
			return oci.ParseLibseccomp(c.Libseccomp)
		}
		if len(finders) == 0 {
			return oldest, errors.New("no runtime was found")
		}
		for i, find := range finders {
			v, err := find()
			if err != nil {
				return v, err
			}
			if i == 0 || v.Compare(oldest) < 0 {
				oldest = v
			}
		}
		return oldest, nil
	}
}

// installedRuntimes returns what finds the libseccomp of each of the runtimes that an engine may
// call.
func installedRuntimes() (finders []func() (oci.Libseccomp, error)) {
	dirs := append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/libexec/crio")
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		for _, name := range []string{"crun", "runc"} {
			if path := filepath.Join(dir, name); filepath.IsAbs(path) && executable(path) == nil {
				finders = append(finders, programLibseccomp(path))
			}
		}
	}
	return finders
}

// checkSeccomp makes sure that a runtime is no crun that was built without libseccomp:
// it runs containers as if they had no profile. runc says that it can't.
func checkSeccomp(path, name string) error {
	if !strings.HasPrefix(filepath.Base(name), "crun") {
		return nil
	}
	if _, linked := linksLibseccomp(path); linked {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", path, err)
	}
	if strings.HasPrefix(string(out), "crun version") && !strings.Contains(string(out), "+SECCOMP") {
		return fmt.Errorf("%s was built without libseccomp: it would run the container without its profile", name)
	}
	return nil
}

const libseccompFile = "libseccomp.so.2"

var (
	saysLibseccomp  = regexp.MustCompile(`(?m)^libseccomp: (\S+)`)
	namesLibseccomp = regexp.MustCompile(`/libseccomp\.so\.([0-9]+\.[0-9]+\.[0-9]+)`)
)

// libraryDirs are where the dynamic linker looks for libraries.
var libraryDirs = []string{"/lib/*-linux-gnu*", "/usr/lib/*-linux-gnu*", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", "/usr/local/lib64"}

// programLibseccomp finds the libseccomp of a program: that which it is linked with,
// the oldest where there are several, else the one that it says it has.
func programLibseccomp(path string) func() (oci.Libseccomp, error) {
	return func() (oldest oci.Libseccomp, err error) {
		found := false
		for _, file := range linkedLibseccomp(path) {
			real, err := filepath.EvalSymlinks(file)
			if err != nil {
				return oldest, err
			}
			m := namesLibseccomp.FindStringSubmatch(real)
			if m == nil {
				return oldest, fmt.Errorf("the name of %s has no version", real)
			}
			if v, err := oci.ParseLibseccomp(m[1]); err != nil {
				return oldest, err
			} else if !found || v.Compare(oldest) < 0 {
				oldest, found = v, true
			}
		}
		if found {
			return oldest, nil
		}
		// What is nothing but the parent of a hook is not run to be asked.
		name, err := filepath.EvalSymlinks(path)
		if err != nil {
			return oldest, err
		}
		if base := filepath.Base(name); !strings.Contains(base, "runc") && !strings.Contains(base, "crun") {
			return oldest, fmt.Errorf("%s is not called as runc or crun are", name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			return oldest, fmt.Errorf("%s --version: %w", path, err)
		}
		m := saysLibseccomp.FindSubmatch(out)
		if m == nil {
			return oldest, fmt.Errorf("%s --version doesn't tell", path)
		}
		return oci.ParseLibseccomp(string(m[1]))
	}
}

// linksLibseccomp reports whether a program is linked with libseccomp, and where else
// than usual it looks for libraries.
func linksLibseccomp(path string) (dirs []string, linked bool) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil || !slices.Contains(libraries, libseccompFile) {
		return nil, false
	}
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		if paths, err := f.DynString(tag); err == nil && len(paths) > 0 {
			dirs = append(dirs, filepath.SplitList(strings.ReplaceAll(paths[0], "$ORIGIN", filepath.Dir(path)))...)
		}
	}
	return dirs, true
}

// linkedLibseccomp returns the files that may be the libseccomp which a program is
// linked with.
func linkedLibseccomp(path string) (files []string) {
	own, linked := linksLibseccomp(path)
	if !linked {
		return nil
	}
	for _, dir := range slices.Concat(libraryDirs, own) {
		found, _ := filepath.Glob(filepath.Join(dir, libseccompFile))
		files = append(files, found...)
	}
	return files
}

// processLibseccomp finds the libseccomp of a process: that which it has loaded, else
// the one that its program says it has.
func processLibseccomp(pid int) func() (oci.Libseccomp, error) {
	return func() (oci.Libseccomp, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		if err != nil {
			return oci.Libseccomp{}, err
		}
		if m := namesLibseccomp.FindSubmatch(text); m != nil {
			return oci.ParseLibseccomp(string(m[1]))
		}
		return programLibseccomp(fmt.Sprintf("/proc/%d/exe", pid))()
	}
}
