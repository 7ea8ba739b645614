//go:build linux && (amd64 || 386)

package latency

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"secco/bpf"
)

// Request is what command narrow reads: the arguments of [Time].
type Request struct {
	Program        bpf.Program
	Calls          []Call
	Rounds, Repeat int
}

// Narrow is a program that times i386's calls, by its path.
type Narrow string

// BuildNarrow builds one in a directory.
func BuildNarrow(dir string) (Narrow, error) {
	n := Narrow(filepath.Join(dir, "narrow"))
	build := exec.Command("go", "build", "-trimpath", "-o", string(n), "secco/test/bench/latency/narrow")
	build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building for 386: %w\n%s", err, out)
	}
	return n, nil
}

// Time does what [Time] does, with calls of i386.
func (n Narrow) Time(p bpf.Program, calls []Call, rounds, repeat int) ([]Timing, error) {
	request, err := json.Marshal(Request{p, calls, rounds, repeat})
	if err != nil {
		return nil, err
	}
	var out, complaint bytes.Buffer
	cmd := exec.Command(string(n))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(request), &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	var timings []Timing
	return timings, json.Unmarshal(out.Bytes(), &timings)
}
