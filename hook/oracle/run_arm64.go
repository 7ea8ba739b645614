package oracle

var entries = []Entry{ARM64}

// afterSVC returns where calls come back to.
func afterSVC() uintptr

func after(Entry) uintptr { return afterSVC() }
