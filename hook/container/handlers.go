package container

import (
	"bytes"
	"debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// crun can run a payload by other means than execve: handlers interpret it inside
// the container's init (wasm, .NET) or boot a kernel for it (krun). What secco
// promises ends there. A filter that waits for the payload's execve stays suspended
// for ever, and no filter of this kernel's is asked about calls to another. Who
// chooses the handler is often the image, by annotation. So containers that have one
// are refused, by three rules of which each would do where the others are blind:
//
//   - annotations by which crun is told anything are few, and any but those that are
//     known to leave the execve alone is an error;
//   - crun under a name of its own, such as krun, has a handler for all containers;
//   - an init that has loaded a library which its program isn't linked with is none
//     that will only execve.

// harmless are the annotations to crun with which it executes the payload as without,
// and under the same filter.
var harmless = []string{
	"run.oci.seccomp_fail_unknown_syscall", "run.oci.delegate-cgroup", "run.oci.hooks.stderr", "run.oci.hooks.stdout", "run.oci.keep_original_groups", "run.oci.mount_context_type",
	"run.oci.pidfd_receiver", "run.oci.systemd.force_cgroup_v1", "run.oci.systemd.subgroup", "run.oci.timens_offset",
}

// crunPrefixes are those of annotations that crun looks at, or may look at in a
// version to come.
var crunPrefixes = []string{"run.oci.", "module.wasm.", "krun."}

// checkAnnotations makes sure that no annotation may have crun run the payload by
// other means than execve.
func checkAnnotations(all map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		toCrun := slices.ContainsFunc(crunPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if toCrun && !slices.Contains(harmless, name) && !slices.Contains(crunSeccomp, name) {
			return fmt.Errorf("the annotation %.80q may have crun run the payload by a handler, which no filter is sure to hold for", name)
		}
	}
	return nil
}

// checkName makes sure that a runtime that is called by this name has no handler for
// all containers: crun goes by what is behind crun-, and krun.
func checkName(argv0 string) error {
	name := filepath.Base(argv0)
	if handler, ok := strings.CutPrefix(name, "crun-"); ok && handler != "" || name == "krun" {
		return fmt.Errorf("the runtime is called %.80q: so crun runs payloads by a handler, which no filter is sure to hold for", name)
	}
	return nil
}

// checkRuntime makes sure of a hook's container that its runtime, a process, will
// execute the payload.
func checkRuntime(pid int, state, config map[string]string) error {
	for _, annotations := range []map[string]string{state, config} {
		if err := checkAnnotations(annotations); err != nil {
			return err
		}
	}
	args, err := commandLine(pid)
	if err != nil {
		return err
	}
	if err := checkArguments(args[1:]); err != nil {
		return err
	}
	return checkName(args[0])
}

// commandLine returns what a process was called with, its name first.
func commandLine(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"), err
}

// checkArguments makes sure that a runtime's arguments name no other configuration than
// the bundle's, which is what hooks read.
func checkArguments(args []string) error {
	for _, a := range args {
		name, _, _ := strings.Cut(a, "=")
		long := len(name) >= len("--conf") && strings.HasPrefix("--config", name) //nolint:gocritic // getopt takes any beginning of a flag
		if long || strings.HasPrefix(a, "-f") {
			return fmt.Errorf("the runtime was called with %.80q: it has read another configuration than the bundle's config.json", a)
		}
	}
	return nil
}

// dlopened are libraries that runtimes and the C library load by themselves.
var dlopened = []string{"libcrun.so", "libnss_", "libgcc_s.so"}

// checkCode makes sure that a process holds no code but its program's and that of the
// libraries which this is linked with: a container's init that is yet to execute its
// payload has no use for more.
func checkCode(pid int) error {
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	program, err := os.Stat(exe)
	if err != nil {
		return err
	}
	mapped, err := mappedCode(pid)
	if err != nil {
		return err
	}
	linked := map[string]bool{}
	if err := addLinked(linked, exe); err != nil {
		return err
	}
	// Libraries are linked with further ones: again, until no more are found.
	for more := true; more; {
		more = false
		mapped = slices.DeleteFunc(mapped, func(m mapping) bool {
			if err != nil {
				return false
			}
			var info os.FileInfo
			if info, err = os.Stat(m.file); err != nil {
				return false
			}
			if os.SameFile(info, program) {
				return true
			}
			var name string
			if name, err = soname(m); err != nil {
				return false
			}
			known := linked[name] || slices.ContainsFunc(dlopened, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
			if known {
				more = true
				err = addLinked(linked, m.file)
			}
			return known
		})
		if err != nil {
			return fmt.Errorf("the code of process %d: %w", pid, err)
		}
	}
	if len(mapped) > 0 {
		var names []string
		for _, m := range mapped {
			names = append(names, filepath.Base(m.path))
		}
		return fmt.Errorf("the container's init has loaded %.200q, which its program is not linked with: it may not execute the payload, but run it by a handler", names)
	}
	return nil
}

// A mapping is a file whose code a process has mapped.
type mapping struct {
	path string // as the kernel shows it
	file string // that leads to the file
}

// mappedCode returns the files, each once, that a process has mapped for execution.
// That it has other memory of that kind is an error.
func mappedCode(pid int) ([]mapping, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	var found []mapping
	seen := map[string]bool{}
	for line := range bytes.Lines(text) {
		// The path, which may hold spaces, is the rest of the line.
		fields := strings.Fields(string(line))
		if len(fields) < 5 || !strings.Contains(fields[1], "x") {
			continue
		}
		path := strings.Join(fields[5:], " ")
		switch path {
		case "[vdso]", "[vsyscall]", "[uprobes]", "[sigpage]", "[vectors]":
			continue
		}
		if fields[4] == "0" {
			return nil, fmt.Errorf("memory at %s can be executed and is no file's (%q)", fields[0], path)
		}
		if id := fields[3] + " " + fields[4]; !seen[id] {
			seen[id] = true
			var from, to uint64
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &from, &to); err != nil {
				return nil, fmt.Errorf("memory at %q: %w", fields[0], err)
			}
			found = append(found, mapping{path, fmt.Sprintf("/proc/%d/map_files/%x-%x", pid, from, to)})
		}
	}
	return found, nil
}

// soname returns the name by which programs are linked with a library.
func soname(m mapping) (string, error) {
	f, err := elf.Open(m.file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.path, err)
	}
	defer f.Close()
	if names, err := f.DynString(elf.DT_SONAME); err == nil && len(names) == 1 {
		return names[0], nil
	}
	return filepath.Base(m.path), nil
}

// addLinked adds the names of the libraries that a file is linked with, its
// interpreter's included.
func addLinked(names map[string]bool, path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil && f.SectionByType(elf.SHT_DYNAMIC) != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range libraries {
		names[name] = true
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > 4096 {
			continue
		}
		text := make([]byte, p.Filesz)
		if _, err := p.ReadAt(text, 0); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		names[filepath.Base(string(bytes.TrimRight(text, "\x00")))] = true
	}
	return nil
}
