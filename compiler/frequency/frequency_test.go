package frequency

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"secco/linux"
	"secco/source"
)

const straceTable = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 54.21    0.000103           3        30         2 openat
 45.79    0.000087          29         3           execve
------ ----------- ----------- --------- --------- ----------------
100.00    0.000190           5        33         2 total
System call usage summary for 32 bit mode:
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
100.00    0.000087          29         5           socketcall
------ ----------- ----------- --------- --------- ----------------
100.00    0.000087          29         5           total
`

const perfTable = `
 Summary of events:

 dd (8167), 24 events, 95.2%

   syscall            calls  errors  total       min       avg       max       stddev
                                     (msec)    (msec)    (msec)    (msec)        (%)
   --------------- --------  ------ -------- --------- --------- ---------     ------
   read                 8      1     0.171     0.003     0.007     0.018      9.51%
   write                4      0     0.100     0.003     0.007     0.018     12.00%

 dd (8168), 8 events, 4.8%

   syscall            calls    total       min       avg       max      stddev
                               (msec)    (msec)    (msec)    (msec)        (%)
   --------------- -------- --------- --------- --------- ---------     ------
   read                 2     0.171     0.003     0.007     0.018      9.51%
`

// What perf trace -S prints: calls as they come, and then a summary.
const perfCalls = `         ? (         ): true/10054  ... [continued]: execve())                                           = 0
     0.050 ( 0.022 ms): true/10054 brk()                                                                 = 0x55987cb3c000
    12.303 ( 0.021 ms): true/10054 access(filename: 0xd7e452a0, mode: R)                                 = -1 ENOENT (No such file or directory)
` + perfTable

// What strace -f -C prints with columns of one's own.
const straceCalls = `strace: Process 9121 attached
[pid  9121] execve("/usr/bin/true", ["true"], 0x7fff59797118 /* 35 vars */) = 0
[pid  9121] futex(0x7f, FUTEX_WAIT, 0, NULL <unfinished ...>
[pid  9120] <... wait4 resumed>, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 9121
9122  brk(NULL)                               = 0x5632cef00000
--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=9121} ---
+++ exited with 0 +++
    calls syscall             errors % time     seconds
--------- ---------------- --------- ------ -----------
       34 openat                  13   0.00    0.000000
       30 mmap                         0.00    0.000000
--------- ---------------- --------- ------ -----------
       64 total                   13 100.00    0.000000
`

func show(t Table) string {
	var parts []string
	for _, a := range linux.Arches() {
		for _, s := range a.Syscalls() {
			if n, ok := t[a][s.NR]; ok {
				parts = append(parts, fmt.Sprintf("%s %s %v", a, s.Name, n))
			}
		}
	}
	return strings.Join(parts, ", ")
}

func TestRead(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"minijail", "# of a server\nread: 12\nwrite: 3.5 # often\n\nread: 1\r\n", "x86_64 read 13, x86_64 write 3.5"},
		{"strace -c", straceTable, "x86_64 execve 3, x86_64 openat 30, i386 socketcall 5"},
		{"strace -C -U", straceCalls, "x86_64 mmap 30, x86_64 openat 34"},
		{"perf trace -s", perfTable, "x86_64 read 10, x86_64 write 4"},
		{"perf trace -S", perfCalls, "x86_64 read 10, x86_64 write 4"},
	} {
		table, found := Read(source.NewFile(test.name, test.text), linux.X86_64)
		if len(found) > 0 {
			t.Errorf("%s: %v", test.name, found)
		}
		if got := show(table); got != test.want {
			t.Errorf("%s: %s, not %s", test.name, got, test.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "f:1:1: error[no-frequencies]: no syscall frequencies in f"},
		{"read 5\n", `f:1:1: error[frequency]: expected how often a syscall is called, found "read 5"`},
		{"read: 5\nwrite: -1\n", `f:2:8: error[frequency]: expected how often a syscall is called, found "-1"`},
		{"read: NaN\n", `f:1:7: error[frequency]: expected how often a syscall is called, found "NaN"`},
		{"raed: 5\n", `f:1:1: error[unknown-syscall]: no syscall named "raed"`},
		{"strace: Process 7 attached\n", `f:1:1: error[no-frequencies]: no syscall frequencies in f`},
		{"syscall     calls\n------- ---------\nread      12  x\n", `f:3:1: error[frequency]: expected how often a syscall is called, found "read      12  x"`},
		{"System call usage summary for 16 bit mode:\n", `f:1:1: error[frequency]: expected how often a syscall is called, found "System call usage summary for 16 bit mod"`},
	} {
		table, found := Read(source.NewFile("f", test.text), linux.X86_64)
		if table != nil || len(found) == 0 {
			t.Errorf("%q: %v, %v", test.text, table, found)
		} else if found[0].Error() != test.want {
			t.Errorf("%q: %v, not %s", test.text, found, test.want)
		}
	}
}

func TestReadWarns(t *testing.T) {
	table, found := Read(source.NewFile("f", "read: 5\nsocketcall: 2\n"), linux.X86_64)
	if show(table) != "x86_64 read 5" || len(found) != 1 || found.HasErrors() {
		t.Errorf("%v, %v", table, found)
	}
}

// TestReadStrace reads what strace prints here, of a program that calls brk.
func TestReadStrace(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	arch, ok := linux.ParseArch(map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH])
	if !ok {
		t.Skip("no name for ", runtime.GOARCH)
	}
	brk, _ := arch.Syscall("brk")
	for _, flags := range []string{"-c", "-c -w -f", "-C", "-C -f -tt", "-c -S calls", "-c -U name,calls", "-c -U calls,name,errors,max-time", "-c -U time,calls,errors,name"} {
		file := filepath.Join(t.TempDir(), "out")
		args := append(strings.Fields(flags), "-o", file, "sh", "-c", "true; true | cat")
		if out, err := exec.Command("strace", args...).CombinedOutput(); err != nil {
			t.Fatalf("strace %s: %v\n%s", flags, err, out)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		table, found := Read(source.NewFile("strace "+flags, string(text)), arch)
		if found.HasErrors() {
			t.Errorf("%v\n%s", found, text)
		} else if table[arch][brk] < 2 || len(table[arch]) < 8 {
			t.Errorf("strace %s: %s\n%s", flags, show(table), text)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{straceTable, perfTable, "read: 12\n", "% time\n1 2 3 4 total", "------\n\x00:\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		table, found := Read(source.NewFile("fuzz", text), linux.X86_64)
		if found.HasErrors() != (table == nil) {
			t.Fatal("an error and a table, or neither")
		}
		_ = found.Error()
		for _, d := range found {
			_ = d.String()
		}
	})
}
