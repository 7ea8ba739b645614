package main

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// When a kernel first had a call on an architecture is told by
//   - the history of golang.org/x/sys: its tables were remade from the headers of
//     nearly every release from 4.10 on; a call that one release's table has and the
//     release's before has not came with it,
//   - uapi headers of releases that the history does not reach,
//   - the manual: the release that first had the call on any architecture, which
//     bounds it from below on all, and on x86 is the one.
// What they leave open stays open: a fact is a span, from the first release that
// can have had the call to the first that is known to have it.

type version [3]int

func parseVersion(s string) (version, error) {
	var v version
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return v, fmt.Errorf("bad version %q", s)
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return v, fmt.Errorf("bad version %q", s)
		}
		v[i] = n
	}
	return v, nil
}

func (v version) compare(w version) int { return slices.Compare(v[:], w[:]) }

func (v version) String() string {
	if v[2] != 0 {
		return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
	}
	return fmt.Sprintf("%d.%d", v[0], v[1])
}

func later(v, w version) version {
	if v.compare(w) < 0 {
		return w
	}
	return v
}

// last is the last release of each series from 3.x on.
var last = map[int]int{3: 19, 4: 20, 5: 19, 6: 19}

// next returns the release after v.
func (v version) next() version {
	if n, ok := last[v[0]]; ok && v[1] == n {
		return version{v[0] + 1}
	}
	return version{v[0], v[1] + 1}
}

// A span says that a call was in no release before from, and in every one since by.
type span struct{ from, by version }

func (s span) String() string {
	if s.from == s.by {
		return s.by.String()
	}
	if s.from == (version{}) {
		return ".." + s.by.String()
	}
	return s.from.String() + ".." + s.by.String()
}

// ports are the releases that first had an architecture.
var ports = map[string]version{"x32": {3, 4}, "aarch64": {3, 7}, "riscv64": {4, 15}, "loongarch64": {5, 19}}

// A snapshot is the syscalls of one architecture in one release.
type snapshot struct {
	release  version
	complete bool // lacks nothing that the release has
	numbers  map[string]uint64
}

// early are tables of x/sys that were not made from a stated release. What they
// have, the last release before their day has; what they lack says nothing.
var early = []struct {
	commit, release string
	files           []string
}{
	{"20acc5cf", "3.16", split("386 amd64 arm")}, // 2014-08-11
	{"9907ecf4", "4.0", split("arm64")},          // 2015-05-13
	{"4cd067a7", "4.0", split("ppc64le")},        // 2015-05-14
	{"ca94ffde", "4.0", split("ppc64")},          // 2015-05-17
	{"19ced158", "4.4", split("mips64le")},       // 2016-02-28
	{"33267e03", "4.5", split("s390x")},          // 2016-05-13
}

// history reads the snapshots of one target from a clone of x/sys, oldest first.
func history(clone string, t target) ([]snapshot, error) {
	if t.xsys == "" {
		return nil, nil
	}
	file := "unix/zsysnum_linux_" + t.xsys + ".go"
	var all []snapshot
	add := func(commit string, release version, complete bool) error {
		if found, err := git(clone, "ls-tree", "--full-tree", "--name-only", commit, file); err != nil || found == "" {
			return err // none where the architecture came later
		}
		text, err := git(clone, "show", commit+":"+file)
		if err != nil {
			return err
		}
		numbers, err := xsysSyscalls(text)
		all = append(all, snapshot{release, complete, numbers})
		return err
	}
	for _, e := range early {
		if v, err := parseVersion(e.release); err != nil {
			return nil, err
		} else if slices.Contains(e.files, t.xsys) {
			if err := add(e.commit, v, false); err != nil {
				return nil, err
			}
		}
	}
	commits, err := git(clone, "log", "--reverse", "--format=%H", "--", "unix/linux/Dockerfile")
	if err != nil {
		return nil, err
	}
	for commit := range strings.FieldsSeq(commits) {
		text, err := git(clone, "show", commit+":unix/linux/Dockerfile")
		if err != nil {
			return nil, err
		}
		m := dockerRelease.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		release, err := parseVersion(m[1])
		if err != nil {
			return nil, err
		}
		// Of several tables of a release the last one counts. Tables of an
		// architecture that was not in the kernel yet are of patches to it.
		if len(all) > 0 && all[len(all)-1].release == release && all[len(all)-1].complete {
			all = all[:len(all)-1]
		}
		if release.compare(ports[t.arch]) >= 0 {
			if err := add(commit, release, true); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

var dockerRelease = regexp.MustCompile(`--branch v(\d+\.\d+)\S* .*torvalds/linux`)

func git(clone string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", clone}, args...)...).Output()
	return string(out), err
}

var manualRow = regexp.MustCompile(`(?m)^(?:\\f\[B\](\w+)\\f\[\]\(2\)|T\{\n\.BR (\w+) \(2\)\nT\})\t(T\{\n)?(?:\D*?)([\d.]+)([^\n]*(?:\n[^\\T][^\n]*)*)`)

// manual reads the releases that first had a call, on any architecture, from the
// manual's section 2: the table of syscalls(2), with its notes, and each call's own
// page, which is right where they differ (membarrier).
func manual(dir string) (releases map[string]version, notes map[string]string, err error) {
	page, err := readPage(filepath.Join(dir, "syscalls.2.gz"))
	if err != nil {
		return nil, nil, err
	}
	_, page, ok := strings.Cut(page, ".TS")
	if !ok {
		return nil, nil, errors.New("syscalls(2) has no table")
	}
	page, _, _ = strings.Cut(page, ".TE")
	releases, notes = map[string]version{}, map[string]string{}
	for _, m := range manualRow.FindAllStringSubmatch(page, -1) {
		if v, err := parseVersion(strings.TrimSuffix(m[4], ".")); err == nil { // not 2.4.8.1
			releases[m[1]+m[2]], notes[m[1]+m[2]] = v, m[5]
		}
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.2.gz"))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range pages {
		page, err := readPage(file)
		if err != nil {
			return nil, nil, err
		}
		m := historySection.FindStringSubmatch(page)
		if m == nil {
			continue
		}
		v, err := parseVersion(m[1])
		if err != nil {
			return nil, nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), ".2.gz")
		if table, ok := releases[name]; !ok || table[0] >= 3 && v != table {
			releases[name] = v
		}
	}
	return releases, notes, nil
}

var (
	troffComment   = regexp.MustCompile(`(?m)^\.\\".*\n`)
	historySection = regexp.MustCompile(`(?m)^\.SH HISTORY\nLinux (\d+\.\d+(?:\.\d+)?)[.,]`)
)

// readPage returns a compressed page without its comments.
func readPage(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	text, err := io.ReadAll(z)
	return troffComment.ReplaceAllString(string(text), ""), err
}

// private is where ARM's own calls begin, which x/sys leaves out.
const private = 0x0f0000

// since returns the spans of one target's calls.
func since(t target, numbers map[string]uint64, snapshots []snapshot, releases map[string]version, notes map[string]string) map[string]span {
	spans := map[string]span{}
	for name, nr := range numbers {
		s, known := seen(nr, snapshots)
		if !known {
			continue
		}
		first, told := releases[name]
		native := strings.HasPrefix(name, "riscv_") || strings.HasPrefix(name, "s390_") || strings.HasPrefix(name, "arm_")
		if nr >= private || native && told && first.compare(s.from) < 0 {
			s.from = version{} // missing from tables although the kernel had it
		}
		s.from = later(s.from, ports[t.arch])
		within := told && first.compare(s.from) >= 0 && first.compare(s.by) <= 0
		switch {
		case t.arch == "i386" && nr >= 359 && nr <= 373:
			s = span{version{4, 3}, version{4, 3}} // socketcall(2)
		case within && (t.arch == "x86_64" || t.arch == "i386") && !strings.Contains(notes[name], "socketcall"),
			within && t.arch == "x86_64":
			s = span{first, first}
		case within:
			s.from = first
		}
		spans[name] = s
	}
	return spans
}

// seen returns when the snapshots first have a number.
func seen(nr uint64, snapshots []snapshot) (s span, ok bool) {
	has := func(i int) bool {
		for _, n := range snapshots[i].numbers {
			if n == nr {
				return true
			}
		}
		return false
	}
	for i, snap := range snapshots {
		if !has(i) {
			continue
		}
		if i > 0 && snapshots[i-1].complete {
			s.from = snapshots[i-1].release.next()
		}
		s.by = snap.release
		return s, true
	}
	return s, false
}
