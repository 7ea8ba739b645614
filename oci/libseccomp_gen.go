//go:build ignore

// It writes libseccomp.txt from a clone of libseccomp, which it is given: go run libseccomp_gen.go CLONE.
package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"secco/linux"
)

// What libseccomp's tables call an architecture.
var theirs = map[linux.Arch]string{
	linux.X86_64: "x86_64", linux.X32: "x32", linux.I386: "x86", linux.ARM: "arm", linux.ARM64: "aarch64", linux.RISCV64: "riscv64",
	linux.S390X: "s390x", linux.PPC64: "ppc64", linux.PPC64LE: "ppc64", linux.LOONG64: "loongarch64", linux.MIPS64LE: "mips64",
}

const never = "never"

func main() {
	log.SetFlags(0)
	clone := os.Args[1]
	git := func(args ...string) string {
		out, _ := exec.Command("git", append([]string{"-C", clone}, args...)...).Output() // a file may not be in a release
		return string(out)
	}
	var releases []string
	for tag := range strings.FieldsSeq(git("tag", "--sort=v:refname")) {
		if regexp.MustCompile(`^v2\.([3-9]|[1-9][0-9])\.[0-9]+$`).MatchString(tag) {
			releases = append(releases, tag)
		}
	}
	known := map[string]map[string]map[string]bool{} // by release, architecture and name
	for _, r := range releases {
		known[r] = tables(func(path string) string { return git("show", r+":src/"+path) })
	}
	// since returns the first release from which on all have a name.
	since := func(a, name string) string {
		first := never
		for _, r := range slices.Backward(releases) {
			if !known[r][a][name] {
				break
			}
			first = strings.TrimPrefix(r, "v")
		}
		return first
	}
	begin := map[linux.Arch]string{}
	names := map[string]bool{}
	for a, name := range theirs {
		begin[a] = since(name, "read")
		for _, s := range a.Syscalls() {
			names[s.Name] = true
		}
	}
	fmt.Println("# The first release of libseccomp from which on all have a syscall's number, as the tables of its releases", releases[0][1:], "to", releases[len(releases)-1][1:])
	fmt.Println("# say; ARCH=release where it is another than that and than the first one with the architecture.")
	fmt.Println("# Made by libseccomp_gen.go.")
	for _, name := range slices.Sorted(maps.Keys(names)) {
		by, count := map[linux.Arch]string{}, map[string]int{}
		for a, t := range theirs {
			if _, ok := a.Syscall(name); ok {
				by[a] = since(t, name)
				count[by[a]]++
			}
		}
		usual := slices.MaxFunc(slices.Sorted(maps.Keys(count)), func(a, b string) int { return cmp.Compare(count[a], count[b]) })
		line := name + " " + usual
		for _, a := range slices.Sorted(maps.Keys(by)) {
			if by[a] != usual && by[a] != begin[a] {
				line += fmt.Sprintf(" %v=%s", a, by[a])
			}
		}
		fmt.Println(line)
	}
}

var entry = regexp.MustCompile(`\{\s*"(\w+)",\s*([^}\s]+)\s*\}`)

// tables returns the names that have a number, by architecture.
func tables(read func(string) string) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, t := range theirs {
		out[t] = map[string]bool{}
	}
	if text := read("syscalls.csv"); text != "" { // 2.5 and newer
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			log.Fatal(err)
		}
		for _, row := range rows[1:] {
			for i, a := range rows[0] {
				if _, err := strconv.Atoi(row[i]); err == nil && out[a] != nil {
					out[a][row[0]] = true
				}
			}
		}
		return out
	}
	for t := range out {
		for _, m := range entry.FindAllStringSubmatch(read("arch-"+t+"-syscalls.c"), -1) {
			out[t][m[1]] = !strings.HasPrefix(m[2], "__PNR")
		}
	}
	return out
}
