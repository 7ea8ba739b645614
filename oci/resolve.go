package oci

import (
	"fmt"
	"slices"

	"secco/linux"
	"secco/source"
)

// Host is the machine and container that a Docker profile is resolved for. The
// zero Host is x86_64 with Docker's default capabilities and a kernel newer than
// any that a profile asks for.
type Host struct {
	Arch linux.Arch
	// Caps are the container's capabilities, as CAP_…; nil stands for Docker's
	// default ones, an empty list for none.
	Caps []string
	// Kernel is the host's; zero meets every minKernel.
	Kernel Kernel
	// Runtime is what the profile is handed to, for what it adds to libseccomp's
	// program.
	Runtime Runtime
}

// Native returns the architecture, x86_64 where none is set.
func (h Host) Native() linux.Arch {
	if h.Arch == 0 {
		return linux.X86_64
	}
	return h.Arch
}

// DefaultCaps are the capabilities that Docker gives a container by default.
func DefaultCaps() []string {
	return []string{
		"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
		"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
	}
}

// dockerArches are the names that Docker's guards use. A guard is compared with
// the native architecture alone, so that "x32" in one never holds.
var dockerArches = map[linux.Arch]string{
	linux.X86_64:   "amd64",
	linux.X32:      "x32",
	linux.I386:     "x86",
	linux.ARM:      "arm",
	linux.ARM64:    "arm64",
	linux.RISCV64:  "riscv64",
	linux.S390X:    "s390x",
	linux.PPC64:    "ppc64",
	linux.PPC64LE:  "ppc64le",
	linux.LOONG64:  "loongarch64",
	linux.MIPS64LE: "mipsel64",
}

// otherArches are those that guards may name and secco has no tables of.
var otherArches = []string{"mips", "mips64", "mips64n32", "mipsel", "mipsel64n32", "mips3l64n32", "parisc", "parisc64", "ppc", "s390"}

// Resolve returns the profile that Docker would hand to the runtime on a host:
// entries whose guards don't hold left out, guards and archMap gone.
func (p *Profile) Resolve(h Host) (*Profile, source.Diagnostics) {
	var diags source.Diagnostics
	caps := h.Caps
	if caps == nil {
		caps = DefaultCaps()
	}
	for _, c := range caps {
		CheckCapability(c, source.Span{}, &diags)
	}
	out := *p
	out.ArchMap, out.Syscalls = nil, nil
	for _, m := range p.ArchMap {
		if m.Arch.Name == ArchName(h.Native()) {
			out.Architectures = append([]Arch{m.Arch}, m.SubArches...)
			break
		}
	}
	for _, s := range p.Syscalls {
		if s.Excludes != nil && s.Excludes.excludes(h, caps) || s.Includes != nil && !s.Includes.includes(h, caps) {
			continue
		}
		s.Includes, s.Excludes = nil, nil
		out.Syscalls = append(out.Syscalls, s)
	}
	return &out, diags
}

// excludes reports whether one of the guard's conditions holds.
func (g *Guard) excludes(h Host, caps []string) bool {
	if slices.Contains(g.Arches, dockerArches[h.Native()]) || g.MinKernel != nil && h.reaches(*g.MinKernel) {
		return true
	}
	return slices.ContainsFunc(g.Caps, func(c string) bool { return slices.Contains(caps, c) })
}

// includes reports whether all of the guard's conditions hold.
func (g *Guard) includes(h Host, caps []string) bool {
	if len(g.Arches) > 0 && !slices.Contains(g.Arches, dockerArches[h.Native()]) || g.MinKernel != nil && !h.reaches(*g.MinKernel) {
		return false
	}
	return !slices.ContainsFunc(g.Caps, func(c string) bool { return !slices.Contains(caps, c) })
}

// HasGuards reports whether there are entries that are for some machines and
// containers only.
func (p *Profile) HasGuards() bool {
	return p != nil && slices.ContainsFunc(p.Syscalls, func(s Syscall) bool {
		return s.Includes != nil && !s.Includes.empty() || s.Excludes != nil && !s.Excludes.empty()
	})
}

// empty reports whether a guard asks for nothing.
func (g *Guard) empty() bool { return len(g.Caps) == 0 && len(g.Arches) == 0 && g.MinKernel == nil }

func (h Host) reaches(k Kernel) bool { return h.Kernel == Kernel{} || !h.Kernel.Less(k) }

func knownArchGuard(name string) bool {
	if slices.Contains(otherArches, name) {
		return true
	}
	for _, n := range dockerArches {
		if n == name {
			return true
		}
	}
	return false
}

// CheckCapability finds fault with a name that is no capability's.
func CheckCapability(name string, at source.Span, diags *source.Diagnostics) {
	if _, ok := linux.Capability(name); ok {
		return
	}
	d := diags.Errorf(at, "unknown-capability", "no capability named %q", name)
	if near, ok := linux.ClosestCapability(name); ok {
		d.Hint = fmt.Sprintf("did you mean %q?", near)
	}
}
