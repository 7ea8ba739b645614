package oracle

var entries = []Entry{AMD64, I386}

// afterSyscall and afterInt80 return where calls come back to.
func afterSyscall() uintptr
func afterInt80() uintptr

func after(e Entry) uintptr {
	if e == I386 {
		return afterInt80()
	}
	return afterSyscall()
}
