//go:build libseccomp && cgo

package containers

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A process under several filters has the strictest action, of which the newest
// filter says the errno: that is what its number stands for in every command.
func TestSeveralFilters(t *testing.T) {
	need(t)
	dir := t.TempDir()
	secco := filepath.Join(dir, "secco")
	if out, err := exec.Command("go", "build", "-o", secco, "../../cmd/secco").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const head = "DEFAULT_POSITIVE = allow\nDEFAULT_NEGATIVE = ENOSYS\nDEFAULT_POLICY = allow\n"
	older := write("older.secco", head+"mount: return EACCES\nptrace: return EPERM\nsocket: argL0 == AF_UNIX")
	newer := write("newer.secco", head+"mount: return EPERM\nswapon: return kill_process\nsocket: in(argL0, AF_UNIX, AF_INET)")
	both := write("both.secco", head+"mount, ptrace: return EPERM\nswapon: return kill_process\nsocket: argL0 == AF_UNIX")

	cmd := exec.Command(secco, "run", older, "--", secco, "run", newer, "--", "sh", "-c", "echo $$; exec sleep 60")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid := "pid:" + strings.TrimSpace(line)
	expect(t, run(t, secco, "prove", pid, both), 0, "equal\n", "")
	expect(t, run(t, secco, "prove", pid+":0", older), 0, "equal\n", "")
	expect(t, run(t, secco, "prove", pid+":1", newer), 0, "equal\n", "")
	expect(t, run(t, secco, "decompile", pid, "-o", filepath.Join(dir, "live.secco")), 0, "", "")
	expect(t, run(t, secco, "prove", filepath.Join(dir, "live.secco"), both), 0, "equal\n", "")
}
