package hook_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// exitProgram writes the smallest ELF program: it calls exit(42) and nothing else.
func exitProgram(t testing.TB) string {
	t.Helper()
	code := map[string][]byte{
		"amd64": {0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05, 0x0f, 0x0b},                       // mov edi, 42; mov eax, 60; syscall; ud2
		"arm64": {0x40, 0x05, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4, 0, 0, 0, 0}, // mov x0, 42; mov x8, 93; svc 0; udf
	}[runtime.GOARCH]
	return writeProgram(t, code)
}

// writeProgram writes an ELF program of this machine with this code.
func writeProgram(t testing.TB, code []byte) string {
	t.Helper()
	const base, header = 0x400000, 64 + 56
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	le := binary.LittleEndian
	b = le.AppendUint16(b, 2) // an executable
	b = le.AppendUint16(b, machine)
	b = le.AppendUint32(b, 1)
	b = le.AppendUint64(b, base+header) // entry
	b = le.AppendUint64(b, 64)          // program headers
	b = le.AppendUint64(b, 0)
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{64, 56, 1, 64, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1) // to be loaded
	b = le.AppendUint32(b, 5) // readable, executable
	size := uint64(header + len(code))
	for _, v := range []uint64{0, base, base, size, size, 0x1000} {
		b = le.AppendUint64(b, v)
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, append(b, code...), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
