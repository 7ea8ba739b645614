package linux

import "testing"

func TestCapabilities(t *testing.T) {
	all := Capabilities()
	if len(all) != 41 || all[0] != "CAP_CHOWN" || all[21] != "CAP_SYS_ADMIN" || all[40] != "CAP_CHECKPOINT_RESTORE" {
		t.Errorf("capabilities: %v", all)
	}
	for n, name := range all {
		if got, ok := Capability(name); !ok || got != n {
			t.Errorf("Capability(%q) = %d, %v; want %d", name, got, ok, n)
		}
		first, _ := X86_64.Constant(name)
		for _, a := range Arches() {
			if v, ok := a.Constant(name); !ok || v != first {
				t.Errorf("%s is %d on %v, %d on x86_64", name, v, a, first)
			}
		}
	}
	for _, name := range []string{"", "CAP_", "CAP_LAST_CAP", "SYS_ADMIN", "AF_INET"} {
		if n, ok := Capability(name); ok {
			t.Errorf("%q is capability %d", name, n)
		}
	}
}

func TestClosestCapability(t *testing.T) {
	for name, want := range map[string]string{
		"SYS_ADMIN": "CAP_SYS_ADMIN", "sys_admin": "CAP_SYS_ADMIN", "cap_sys_admin": "CAP_SYS_ADMIN", "CAP_SYS_ADMN": "CAP_SYS_ADMIN",
		"SYS_ADMN": "CAP_SYS_ADMIN", "CAP_SYS_ADMIN": "", "ALL": "", "": "", "CAP_": "", "AF_INET": "", "CAP_LAST_CAP": "",
	} {
		if got, ok := ClosestCapability(name); got != want && ok || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", name, got, ok, want)
		}
	}
}
