package lang_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"secco/lang"
	"secco/linux"
	"secco/policy/prove"
	"secco/source"
)

// TestNumberRanges is about which numbers a range has, and what meets it.
func TestNumberRanges(t *testing.T) {
	expect(t, "syscall_470..: return ENOSYS",
		"469() => kill_process", "470() => ENOSYS", "0x3fffffff() => ENOSYS", "0xffffffff() => ENOSYS", "0x40000000() => kill", "0xfffffffe() => kill")
	expect(t, "syscall_0x1d6..511[-EBUSY]: arg0 == 1",
		"469() => kill_process", "470(1) => allow", "511(2) => EBUSY", "512() => kill_process")
	expect(t, "syscall_0..: return EPERM\nread: 1\nsyscall_500: return 5", "read() => allow", "500() => 5", "write() => EPERM", "501() => EPERM")
	expect(t, "group @new = syscall_470..\n@new, read: 1", "read() => allow", "470() => allow", "write() => kill_process")
	expect(t, "syscall_1..3(fd) {\n fd == 1 -> log\n else -> 7\n}\nopen: 1", "write(1) => log", "close() => 7", "open() => allow", "stat() => kill_process")

	// x32's numbers are none of x86_64's, and the other way round.
	both := "ARCHES = x86_64, x32, i386\n"
	expect(t, both+"syscall_470..: return ENOSYS", "470() => ENOSYS", "x32 0x400001d6() => kill_process", "i386 0x400001d6() => ENOSYS")
	expect(t, both+"syscall_0x400001d6..: return ENOSYS",
		"470() => kill_process", "0xffffffff() => kill_process", "x32 0x400001d5() => kill_process", "x32 0x400001d6() => ENOSYS", "x32 0xfffffffe() => ENOSYS",
		"i386 0xffffffff() => ENOSYS", "i386 0x400001d5() => kill_process")
	expect(t, both+"syscall_470..0x40000010: return ENOSYS", "470() => kill_process", "x32 0x40000010() => kill_process", "i386 470() => ENOSYS")
	refuse(t, "syscall_0x40000000..: 1", "1:1: error[unknown-syscall]")
	refuse(t, "syscall_470..0x40000000: 1", "1:1: error[unknown-syscall]")
	refuse(t, both+"arch x86_64, x32 { syscall_470..: 1 }", "2:20: error[unknown-syscall]")

	expect(t, "arch x32 { syscall_0x40000000..: return 7 }\narch i386 { syscall_0x40000123: 1 }", "x32 read() => kill")

	// What ranks higher wins; in one place the rule for the one number does.
	expect(t, "ARCHES = x86_64, i386\nlistns: 1\nsyscall_400..: return 5\narch i386 { syscall_460..480: return ENOSYS }",
		"listns() => allow", "459() => 5", "481() => 5", "i386 listns() => ENOSYS", "i386 459() => 5", "i386 481() => 5")
	expect(t, "BASELINE = 5.2\nDEFAULT_NEWER = ENOSYS\nsyscall_430..440: return 5", "429() => kill_process", "430() => 5", "440() => 5", "441() => ENOSYS", "9999() => ENOSYS")
	expect(t, "syscall_1..0xffffffff: return 5\nDEFAULT_X32 = 6", "1() => 5", "0xffffffff() => 5", "x32 read() => 6")

	// There is one rule for a number.
	refuse(t, "syscall_1..5: 1\nsyscall_5..: return 1", "2:1: error[duplicate-rule]")
	refuse(t, "syscall_1..5: 1\nsyscall_3..: return allow", "2:1: warning[repeated-rule]")
	refuse(t, "syscall_1..5: 1\nsyscall_6..: return 1")
	refuse(t, "ARCHES = x86_64, i386\nsyscall_1..5: 1\narch i386 { syscall_1..5: return 1\n syscall_2..3: return 2 }", "4:2: error[duplicate-rule]")

	// A range is nothing else.
	refuse(t, "syscall_5..3: 1\nsyscall_5..x: 1\nsyscall_x..: 1\nsyscall_0..0x100000000: 1\nsyscall_1..02: 1", "1:1: error[unknown-syscall]",
		"2:1: error[unknown-syscall]", "3:1: error[unknown-syscall]", "4:1: error[unknown-syscall]", "5:1: error[unknown-syscall]")
	refuse(t, "syscall_5.. = 1\nsyscall_5..(x) = x\nread: syscall_5..\nsyscall_5...: 1\nsyscall_5 ..: 1\nread..: 1",
		"1:1: error[syntax]", "2:1: error[syntax]", "3:7: error[syntax]", "4:12: error[bad-character]", "5:11: error[bad-character]", "6:5: error[bad-character]")
	refuse(t, "remove syscall_5..", "1:8: error[nothing-to-remove]")
	if got := findings(strings.Repeat("syscall_1..9,", 65000)+"read: 1", usual); len(got) == 0 || len(got) > 20 {
		t.Error(len(got), "findings")
	}

	// Thousands are read; what would take long is not.
	ranges := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, n-i, n-i)
		}
		return b.String()
	}
	mustLoad(t, ranges(4000, "syscall_%d000..%d005: return 5\n"))
	if got := findings(ranges(8000, "syscall_%d..9%05d: return 5\n"), usual); !strings.Contains(strings.Join(got, " "), "too-large") {
		t.Error(len(got), "findings")
	}
}

// TestTestsOfRanges has tests that are about every number of a range.
func TestTestsOfRanges(t *testing.T) {
	text := "ARCHES = x86_64, i386\nDEFAULT_NEGATIVE = ENOSYS\nsyscall_470..: arg1 == 3\nlistns: return ENOSYS\n"
	for test, want := range map[string]string{
		"syscall_470.. => ENOSYS":                    "x86_64 rseq_slice_yield(0, 3) i386 rseq_slice_yield(0, 3)",
		"syscall_471..(5, 3) => allow":               "",
		"i386 syscall_470..(5, 3) => allow":          "i386 470(5, 3)",
		"syscall_470..0xffffffff(_, 4) => ENOSYS":    "",
		"x86_64 syscall_0..469 => kill_process":      "",
		"x86_64 syscall_0..470 => kill_process":      "x86_64 470()",
		"x32 syscall_0x40000000.. => kill_thread":    "",
		"aarch64 syscall_0.. => kill_thread":         "",
		"x86_64 syscall_0x3fffffff..(0, 4) => allow": "x86_64 1073741823(0, 4)",
	} {
		p, tests, diags := lang.LoadTests([]*source.File{source.NewFile("test", text+"test "+test)}, usual)
		if diags.HasErrors() {
			t.Errorf("%s: %v", test, diags)
			continue
		}
		var got []string
		for _, stated := range tests {
			r, err := stated.Prove(p)
			if err != nil || r.Verdict == prove.Undecided {
				t.Error(test, r, err)
			}
			if r.Witness != nil {
				c := strings.Replace(prove.CallString(&r.Witness.Call), "syscall ", "", 1)
				got = append(got, strings.Replace(c, "listns", "470", 1))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", test, got, want)
		}
	}
	refuse(t, "test x32 syscall_5.. => allow\ntest syscall_0x40000000.. => allow", "1:10: error[unknown-syscall]", "2:6: error[unknown-syscall]")
}

// TestNumbersAgree has rules for numbers, names and ranges of them at random, in a
// base, in blocks and removed, under both meanings of the language.
func TestNumbersAgree(t *testing.T) {
	arches := []linux.Arch{linux.X86_64, linux.X32, linux.I386}
	good := 0
	for seed := range uint64(4000) {
		r := rand.New(rand.NewPCG(seed, 11))
		numbers := []string{"restart_syscall", "read", "write", "syscall_0x40000000..0x40000001", "listns", "listmount", "syscall_500", "syscall_0xffffffff"}
		name := func() string {
			if r.IntN(2) == 0 {
				return numbers[r.IntN(len(numbers))]
			}
			lo := []int{0, 1, 457, 468, 470, 0x40000000, 0x400001d6}[r.IntN(7)]
			if r.IntN(2) == 0 {
				return fmt.Sprintf("syscall_%d..", lo)
			}
			return fmt.Sprintf("syscall_%d..%d", lo, lo+r.IntN(40))
		}
		statements := func(words ...string) string {
			var b strings.Builder
			for range r.IntN(4) {
				text := name() + fmt.Sprintf(": return %d\n", 1+r.IntN(4))
				switch word := words[r.IntN(len(words))]; word {
				case "":
				case "remove":
					text = "remove " + name() + "\n"
				default:
					text = word + " {\n" + text + "}\n"
				}
				b.WriteString(text)
			}
			return b.String()
		}
		base := "ARCHES = x86_64, x32, i386\n" + statements("", "arch i386", "when cap(CAP_BPF)")
		file := source.NewFile("test", "base \"base.secco\"\n"+statements("", "arch i386", "arch x32", "when !cap(CAP_BPF)", "remove", "remove"))
		opts := usual
		opts.Find = lang.Within(nil, lang.Root{FS: fstest.MapFS{"base.secco": &fstest.MapFile{Data: []byte(base)}}})
		p, diags := lang.Load([]*source.File{file}, opts)
		if diags.HasErrors() {
			continue // two rules for one number, or nothing to remove
		}
		good++
		e := evaluator(t, file, opts)
		for _, a := range arches {
			for _, nr := range []uint32{0, 1, 2, 3, 456, 457, 458, 467, 468, 469, 470, 471, 499, 500, 501, 510, 0x3fffffff, 0x40000000, 0x40000001, 0x400001d5, 0x400001d6, 0x80000000, 0xfffffffe, 0xffffffff} {
				d := linux.SeccompData{Arch: a.Audit(), NR: nr}
				got, where := p.Eval(&d)
				if want := e.Eval(&d); got != want {
					t.Fatalf("seed %d: %v %#x: the policy says %v (%v), eval %v\n%s---\n%s", seed, a, nr, got, where, want, base, file.Text())
				}
			}
		}
	}
	if good < 1000 {
		t.Errorf("only %d policies", good)
	}
}
