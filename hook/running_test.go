package hook

import (
	"os"
	"strings"
	"testing"
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
