package inject

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// statusNumber returns a number of a status file in /proc.
func statusNumber(path, field string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(field+":")); ok {
			return strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return 0, fmt.Errorf("%s has no %s", path, field)
}

// stateOf returns the state in a stat file of /proc, 0 where there is none.
func stateOf(path string) byte {
	text, err := os.ReadFile(path)
	i := bytes.LastIndexByte(text, ')') // the name before it may hold anything
	if err != nil || i < 0 || i+2 >= len(text) {
		return 0
	}
	return text[i+2]
}

// ParentOf returns the process that a process is a child of.
func ParentOf(pid int) (int, error) {
	return statusNumber(fmt.Sprintf("/proc/%d/status", pid), "PPid")
}

// findCode returns the address of some machine code in a process's vDSO, the one
// mapping that every process has in the same form.
func findCode(pid int, code []byte) (uint64, error) {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return 0, err
	}
	defer maps.Close()
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[5] != "[vdso]" || !strings.Contains(fields[1], "x") {
			continue
		}
		var start, end uint64
		if _, err := fmt.Sscanf(fields[0], "%x-%x", &start, &end); err != nil || end <= start || end-start > 1<<20 {
			return 0, fmt.Errorf("a vDSO at %s", fields[0])
		}
		mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if err != nil {
			return 0, err
		}
		defer mem.Close()
		text := make([]byte, end-start)
		if _, err := mem.ReadAt(text, int64(start)); err != nil {
			return 0, fmt.Errorf("reading the vDSO: %w", err)
		}
		if i := bytes.Index(text, code); i >= 0 {
			return start + uint64(i), nil
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("process %d has no vDSO with a system call in it", pid)
}

// writeMemory writes into a process's memory.
func writeMemory(pid int, at uint64, data []byte) error {
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer mem.Close()
	_, err = mem.WriteAt(data, int64(at))
	return err
}
