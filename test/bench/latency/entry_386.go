package latency

import (
	"encoding/binary"
	"errors"
	"os"
)

// entry returns the address of the vDSO's __kernel_vsyscall.
func entry() (uint64, error) {
	const sysinfo = 32 // AT_SYSINFO
	aux, err := os.ReadFile("/proc/self/auxv")
	for ; len(aux) >= 8; aux = aux[8:] {
		if binary.LittleEndian.Uint32(aux) == sysinfo {
			return uint64(binary.LittleEndian.Uint32(aux[4:])), nil
		}
	}
	return 0, errors.Join(errors.New("the kernel has no vDSO for i386"), err)
}
