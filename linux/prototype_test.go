package linux

import (
	"reflect"
	"testing"
)

func TestPrototype(t *testing.T) {
	for _, c := range []struct {
		arch Arch
		name string
		want []Param
	}{
		{X86_64, "openat", []Param{{"dfd", "int", 32, true}, {"filename", "const char *", 64, false}, {"flags", "int", 32, true}, {"mode", "umode_t", 16, false}}},
		{X86_64, "getpid", []Param{}},
		{X86_64, "ioctl", []Param{{"fd", "unsigned int", 32, false}, {"cmd", "unsigned int", 32, false}, {"arg", "unsigned long", 64, false}}},
		{X32, "ioctl", []Param{{"fd", "unsigned int", 32, false}, {"cmd", "unsigned int", 32, false}, {"arg", "compat_ulong_t", 32, false}}},
		{I386, "pread64", []Param{{"fd", "unsigned int", 32, false}, {"ubuf", "char *", 32, false}, {"count", "u32", 32, false}, {"poslo", "u32", 32, false}, {"poshi", "u32", 32, false}}},
		{ARM, "pread64", []Param{{"fd", "unsigned int", 32, false}, {"buf", "char *", 32, false}, {"count", "size_t", 32, false}, {"", "unused", 32, false}, {"pos_low", "u32", 32, false}, {"pos_high", "u32", 32, false}}},
	} {
		if got, ok := c.arch.Prototype(c.name); !ok || !(len(got) == 0 && len(c.want) == 0) && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v.Prototype(%q) = %v, %v; want %v", c.arch, c.name, got, ok, c.want)
		}
	}
	// The flags of clone are the second argument on s390x, and only there.
	for _, a := range Arches() {
		params, ok := a.Prototype("clone")
		flags := 0
		if a == S390X {
			flags = 1
		}
		if !ok || params[flags].Name != "clone_flags" {
			t.Errorf("%v: clone(%v)", a, params)
		}
	}
	if params, ok := Prototype("socketcall"); !ok || params[0].Name != "call" {
		t.Errorf("Prototype(socketcall) = %v, %v", params, ok)
	}
	for _, name := range []string{"tuxcall", "no_such_call", ""} {
		if params, ok := Prototype(name); ok {
			t.Errorf("Prototype(%q) = %v", name, params)
		}
	}
}

// Of nearly every call that can be made, the prototype is known, and fits the
// registers of its architecture.
func TestPrototypesFit(t *testing.T) {
	for _, a := range Arches() {
		known := 0
		for _, s := range a.Syscalls() {
			params, ok := a.Prototype(s.Name)
			if ok {
				known++
			}
			if len(params) > 6 {
				t.Errorf("%v: %s has %d arguments", a, s.Name, len(params))
			}
			for _, p := range params {
				if p.Bits != 16 && p.Bits != 32 && p.Bits != 64 || p.Bits > a.Bits() || p.Type == "" {
					t.Errorf("%v: %s has %+v", a, s.Name, p)
				}
			}
		}
		if n := len(a.Syscalls()); known < n*85/100 {
			t.Errorf("%v: prototypes of %d of %d calls are known", a, known, n)
		}
	}
}
