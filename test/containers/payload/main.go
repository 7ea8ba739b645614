// Command payload is what runs in test containers: a program written in Go that
// says which of a few calls work. Then it stays until its standard input ends, so
// that its filters can be read.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

func main() {
	var u unix.Utsname
	fmt.Printf("uname %v\n", name(unix.Uname(&u)))
	fmt.Printf("unshare %v\n", name(unix.Unshare(unix.CLONE_NEWUTS)))
	fmt.Printf("exec %v\n", exec.Command("/bin/true").Run())
	fmt.Printf("pid %d, args %q\n", os.Getpid(), os.Args[1:])
	fmt.Println("waiting")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(3)
}

func name(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return unix.ErrnoName(errno)
	}
	return "ok"
}
