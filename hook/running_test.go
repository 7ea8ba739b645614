package hook

import (
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"secco/linux"
)

func TestVersionOf(t *testing.T) {
	for text, want := range map[string]string{
		"6.1.0-13-amd64": "6.1", "5.15.167.4-microsoft-standard-WSL2": "5.15", "6.18.0+": "6.18", "4.4": "4.4", "6.12-rc3": "6.12",
		"": "", "6": "", "six.one": "", "v6.1": "", "6.": "", "-6.1": "",
	} {
		if got := versionOf(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestKernel(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	if got := Kernel(); strings.Count(got, ".") != 1 || !strings.HasPrefix(string(text), got) {
		t.Errorf("%q, and the kernel is %s", got, text)
	}
}

func TestBoundingSet(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for good: the thread ends with what it loses
		if os.Geteuid() == 0 {
			n, _ := linux.Capability("CAP_SYS_TIME")
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(n), 0, 0, 0); err != nil {
				t.Error(err)
			}
		}
		text, err := os.ReadFile("/proc/thread-self/status")
		if err != nil {
			t.Error(err)
			return
		}
		bits, err := strconv.ParseUint(string(regexp.MustCompile(`CapBnd:\s*([0-9a-f]+)`).FindSubmatch(text)[1]), 16, 64)
		if err != nil {
			t.Error(err)
		}
		got, err := BoundingSet()
		if err != nil {
			t.Error(err)
		}
		for n, name := range linux.Capabilities() {
			if slices.Contains(got, name) != (bits>>n&1 == 1) {
				t.Errorf("%s in %v, and the kernel shows %#x", name, got, bits)
			}
		}
		if os.Geteuid() == 0 && slices.Contains(got, "CAP_SYS_TIME") {
			t.Error("a capability was dropped, and is there")
		}
	}()
	<-done
}
