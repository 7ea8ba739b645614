package main

import (
	"fmt"
	"slices"
	"strings"
)

// A param is one argument register as the kernel's function declares it.
type param struct {
	name, ctype string
	bits        int
	signed      bool
}

// words32 are the architectures whose long and pointers have 32 bits.
var words32 = []string{"i386", "arm"}

// ctypes are the widths of C types on a machine whose words have 64 bits;
// negative: signed. word is what a long has.
const word = 64

var ctypes = map[string]int{
	"int": -32, "const int": -32, "s32": -32, "__s32": -32, "pid_t": -32, "compat_pid_t": -32, "key_t": -32, "timer_t": -32,
	"key_serial_t": -32, "clockid_t": -32, "const clockid_t": -32, "mqd_t": -32, "rwf_t": -32, "compat_long_t": -32,
	"unsigned int": 32, "unsigned": 32, "uint": 32, "u32": 32, "__u32": 32, "const __u32": 32, "uint32_t": 32, "uid_t": 32, "gid_t": 32, "qid_t": 32,
	"compat_size_t": 32, "compat_ulong_t": 32, "compat_aio_context_t": 32, "const enum landlock_rule_type": 32,
	"umode_t": 16, "old_uid_t": 16, "old_gid_t": 16,
	"long": -word, "off_t": -word,
	"unsigned long": word, "size_t": word, "const size_t": word, "uintptr_t": word, "aio_context_t": word, "old_sigset_t": word,
	// Pointers by other names.
	"cap_user_header_t": word, "cap_user_data_t": word, "const cap_user_data_t": word, "__sighandler_t": word,
}

// wide are the types that have 64 bits on every machine.
var wide = map[string]int{"loff_t": -64, "u64": 64, "__u64": 64}

// parseParams reads the parameters of a C declaration as an architecture passes
// them. Where words have 32 bits a wider one takes two registers, lower half
// first; the ARM EABI has them begin at an even one.
func parseParams(declaration, arch string) ([]param, error) {
	if declaration == "" {
		return nil, nil
	}
	narrow := slices.Contains(words32, arch)
	var params []param
	for _, text := range strings.Split(declaration, ", ") {
		at := strings.LastIndexAny(text, " *") + 1
		p := param{name: text[at:], ctype: strings.TrimSpace(text[:at])}
		bits, isWide := wide[p.ctype]
		if !isWide {
			var known bool
			if bits, known = ctypes[p.ctype]; strings.Contains(p.ctype, "*") {
				bits = word
			} else if !known {
				return nil, fmt.Errorf("unknown type %q of %q", p.ctype, declaration)
			}
		}
		if isWide && narrow {
			if arch == "arm" && len(params)%2 == 1 {
				params = append(params, param{"", "unused", 32, false})
			}
			params = append(params, param{p.name + "_low", "u32", 32, false}, param{p.name + "_high", "u32", 32, false})
			continue
		}
		p.bits, p.signed = max(bits, -bits), bits < 0
		if narrow {
			p.bits = min(p.bits, 32)
		}
		params = append(params, p)
	}
	if len(params) > 6 {
		return nil, fmt.Errorf("%d arguments: %s", len(params), declaration)
	}
	return params, nil
}
