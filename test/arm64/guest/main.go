// Command guest is the first process of the machine that the test of package arm64
// starts: it prepares what a Linux has, runs the commands of /commands.json, and
// switches the machine off.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A command is one to be run. Its output is written line by line, with "@" and its
// name before each; the last line is "@NAME= " and its exit code.
type command struct {
	Name, Dir string
	Args      []string
	Env       []string
}

func main() {
	if os.Getpid() != 1 { // what the gate tries of its parent, which it takes for a runtime, is --version
		os.Exit(1)
	}
	err := run()
	if err != nil {
		fmt.Println("@guest", err)
	}
	unix.Sync()
	time.Sleep(time.Second / 2) // for the console
	fmt.Println(unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF))
}

func run() error {
	if err := root(); err != nil {
		return err
	}
	// It complains of those that are there already, from packages of their own.
	_ = exec.Command("/bin/busybox", "--install", "-s", "/usr/bin").Run()
	text, err := os.ReadFile("/commands.json")
	if err != nil {
		return err
	}
	var commands []command
	if err := json.Unmarshal(text, &commands); err != nil {
		return err
	}
	for _, c := range commands {
		c.run()
	}
	return nil
}

// root mounts the first root file system over itself: the first mount can't be
// exchanged (pivot_root(2)), which container runtimes do. Then it mounts what programs
// expect.
func root() error {
	const at = "/root"
	if err := unix.Mount("/", at, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting the root: %w", err)
	}
	if err := unix.Chdir(at); err != nil {
		return err
	}
	if err := unix.Mount(".", "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("moving the root: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return err
	}
	for _, m := range []struct{ at, kind string }{
		{"/proc", "proc"}, {"/sys", "sysfs"}, {"/dev", "devtmpfs"}, {"/dev/pts", "devpts"}, {"/dev/shm", "tmpfs"}, {"/tmp", "tmpfs"}, {"/run", "tmpfs"}, {"/sys/fs/cgroup", "cgroup2"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	for link, to := range map[string]string{"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(to, link); err != nil {
			return err
		}
	}
	if err := os.Chmod("/tmp", 0o1777); err != nil {
		return err
	}
	return unix.Sethostname([]byte("arm64"))
}

func (c command) run() {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	code, err := c.output(cmd)
	if err != nil {
		fmt.Printf("@%s %v\n", c.Name, err)
	}
	fmt.Printf("@%s= %d\n", c.Name, code)
}

func (c command) output(cmd *exec.Cmd) (code int, err error) {
	out, in, err := os.Pipe()
	if err != nil {
		return -1, err
	}
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	_ = in.Close() // the command has its own
	if err != nil {
		return -1, err
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if line != "" {
				fmt.Printf("@%s %s", c.Name, line)
			}
			if err == io.EOF && line != "" {
				fmt.Println()
			}
			if err != nil {
				return
			}
		}
	}()
	var status syscall.WaitStatus
	for { // orphans end as this process's children, too
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return -1, err
		}
		if pid == cmd.Process.Pid {
			break
		}
	}
	select {
	case <-done:
	case <-time.After(10 * time.Second): // what it has left behind may hold the pipe
	}
	return status.ExitStatus(), nil
}
