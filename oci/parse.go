package oci

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/source"
)

// Parse reads a profile: the value of linux.seccomp alone, one of Docker's, or a
// whole config.json, whose linux.seccomp it takes. The profile is nil where the
// findings hold errors.
func Parse(f *source.File) (*Profile, source.Diagnostics) {
	top, diags := readJSON(f)
	if diags.HasErrors() {
		return nil, diags
	}
	p := &parser{}
	seccomp := p.find(&top)
	if seccomp == nil {
		return nil, p.diags
	}
	profile := p.profile(seccomp)
	p.diags.Sort()
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	return profile, p.diags
}

// IsConfig reports whether a JSON object's fields are those of a config.json
// rather than a profile's.
func isConfig(v *value) bool {
	_, linux := v.member("linux")
	_, version := v.member("ociVersion")
	return linux || version
}

type parser struct{ diags source.Diagnostics }

// find returns the value that is the profile, nil where there is none.
func (p *parser) find(top *value) *value {
	if top.kind != kindObject {
		p.diags.Errorf(top.span, "wrong-type", "a profile is an object, this is %s", top.kind)
		return nil
	}
	if !isConfig(top) {
		return top
	}
	at := top
	for _, key := range []string{"linux", "seccomp"} {
		next, ok := at.member(key)
		if !ok || next.kind == kindNull {
			p.diags.Errorf(at.span.File().Span(at.span.Start(), at.span.Start()+1), "no-seccomp",
				"this configuration has no linux.seccomp: its container runs without a filter")
			return nil
		}
		if next.kind != kindObject {
			p.wrongType(next, "an object")
			return nil
		}
		at = next
	}
	return at
}

func (p *parser) wrongType(v *value, want string) {
	p.diags.Errorf(v.span, "wrong-type", "expected %s, found %s", want, v.kind)
}

// field is what reads one field of an object.
type field func(v *value)

// IsRemark reports whether a field of a profile that no runtime has is a remark
// for people: a comment or description, or a name that begins with "_" or "//".
func IsRemark(field string) bool {
	switch field {
	case "comment", "comments", "description", "$schema":
		return true
	}
	return strings.HasPrefix(field, "_") || strings.HasPrefix(field, "//")
}

// object hands each member to the reader of its name. A member that is null is
// as good as absent, and so is a remark.
func (p *parser) object(v *value, fields map[string]field, required ...string) {
	if v.kind != kindObject {
		p.wrongType(v, "an object")
		return
	}
	for i := range v.members {
		m := &v.members[i]
		read, ok := fields[m.key]
		switch {
		case ok:
		case IsRemark(m.key):
			continue
		default:
			d := p.diags.Errorf(m.span, "unknown-field", "no field named %q here", m.key)
			for name := range fields {
				if strings.EqualFold(name, m.key) {
					d.Hint = "some runtimes read it as " + strconv.Quote(name) + ", others don't"
				}
			}
			if d.Hint == "" {
				d.Hint = "known: " + strings.Join(slices.Sorted(maps.Keys(fields)), " ")
			}
			continue
		}
		if m.value.kind != kindNull {
			read(&m.value)
		}
	}
	for _, name := range required {
		if m, ok := v.member(name); !ok || m.kind == kindNull {
			p.diags.Errorf(v.span.File().Span(v.span.Start(), v.span.Start()+1), "missing-field", "the field %q is missing", name)
		}
	}
}

func (p *parser) str(v *value) (string, bool) {
	if v.kind != kindString {
		p.wrongType(v, "a string")
		return "", false
	}
	return v.text, true
}

// uint reads an unsigned integer up to limit.
func (p *parser) uint(v *value, limit uint64) (uint64, bool) {
	if v.kind != kindNumber {
		p.wrongType(v, "a number")
		return 0, false
	}
	n, err := strconv.ParseUint(v.text, 10, 64)
	if err != nil || n > limit {
		p.diags.Errorf(v.span, "out-of-range", "%s is no whole number from 0 to %d", v.text, limit)
		return 0, false
	}
	return n, true
}

func (p *parser) errno(v *value) *uint {
	n, ok := p.uint(v, 0xffff)
	if !ok {
		return nil
	}
	u := uint(n)
	return &u
}

func (p *parser) items(v *value, each func(*value)) {
	if v.kind != kindArray {
		p.wrongType(v, "an array")
		return
	}
	for i := range v.items {
		each(&v.items[i])
	}
}

func (p *parser) strings(v *value) []string {
	list := []string{}
	p.items(v, func(v *value) {
		if s, ok := p.str(v); ok {
			list = append(list, s)
		}
	})
	return list
}

func (p *parser) profile(v *value) *Profile {
	out := &Profile{Span: v.span, DefaultSpan: v.span}
	var errnoName *value
	var archMap, architectures, metadata *value
	p.object(v, map[string]field{
		"defaultAction": func(v *value) {
			out.DefaultSpan = v.span
			out.DefaultAction = p.action(v)
		},
		"defaultErrnoRet": func(v *value) { out.DefaultErrnoRet = p.errno(v) },
		"defaultErrno":    func(v *value) { errnoName = v },
		"architectures": func(v *value) {
			architectures = v
			p.items(v, func(v *value) { out.Architectures = append(out.Architectures, p.arch(v)) })
		},
		"archMap": func(v *value) {
			archMap = v
			p.items(v, func(v *value) { out.ArchMap = append(out.ArchMap, p.archMap(v)) })
		},
		"flags":            func(v *value) { out.Flags = p.flags(v) },
		"listenerPath":     func(v *value) { out.ListenerPath, _ = p.str(v) },
		"listenerMetadata": func(v *value) { metadata = v; out.ListenerMetadata, _ = p.str(v) },
		"syscalls": func(v *value) {
			p.items(v, func(v *value) { out.Syscalls = append(out.Syscalls, p.syscall(v)) })
		},
	}, "defaultAction")
	if len(out.Architectures) > 0 && len(out.ArchMap) > 0 {
		d := p.diags.Errorf(archMap.span, "conflicting-fields", "archMap beside architectures")
		d.Related = append(d.Related, source.Related{Span: architectures.span, Message: "architectures is here"})
	}
	if out.ListenerMetadata != "" && out.ListenerPath == "" {
		p.diags.Errorf(metadata.span, "conflicting-fields", "listenerMetadata without listenerPath")
	}
	out.DefaultErrnoRet = p.errnoName(errnoName, out.DefaultErrnoRet)
	p.checkAction(out.DefaultSpan, out.DefaultAction, out.DefaultErrnoRet)
	return out
}

func (p *parser) action(v *value) specs.LinuxSeccompAction {
	name, ok := p.str(v)
	if !ok {
		return ""
	}
	action := specs.LinuxSeccompAction(name)
	if _, ok := actionKinds[action]; !ok {
		d := p.diags.Errorf(v.span, "unknown-action", "no action named %q", name)
		d.Hint = "known: " + joinSorted(actionKinds)
		return ""
	}
	return action
}

// checkAction reports an errnoRet that doesn't go with its action.
func (p *parser) checkAction(span source.Span, action specs.LinuxSeccompAction, errno *uint) {
	if action == "" {
		return
	}
	if _, err := ParseAction(action, errno); err != nil {
		p.diags.Errorf(span, "bad-errno", "%v", err)
	}
}

// errnoName reads the name that the containers project writes beside errnoRet.
func (p *parser) errnoName(v *value, number *uint) *uint {
	if v == nil {
		return number
	}
	name, ok := p.str(v)
	if !ok || name == "" {
		return number
	}
	n, ok := linux.X86_64.Errno(name)
	switch {
	case !ok:
		p.diags.Errorf(v.span, "bad-errno", "no errno named %q", name)
	case number != nil && *number != uint(n):
		p.diags.Errorf(v.span, "bad-errno", "%s is %d, but the number beside it is %d", name, n, *number)
	default:
		u := uint(n)
		return &u
	}
	return number
}

// unsupported are the architectures that runtimes know and secco does not.
var unsupported = []specs.Arch{
	specs.ArchMIPS, specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64N32,
	specs.ArchPPC, specs.ArchS390, specs.ArchPARISC, specs.ArchPARISC64,
}

func (p *parser) arch(v *value) Arch {
	name, ok := p.str(v)
	if !ok {
		return Arch{}
	}
	a := Arch{specs.Arch(name), v.span}
	if _, ok := ParseArch(a.Name); !ok && !slices.Contains(unsupported, a.Name) {
		p.diags.Errorf(v.span, "unknown-arch", "no architecture named %q", name)
	}
	return a
}

func (p *parser) archMap(v *value) ArchMap {
	out := ArchMap{Span: v.span}
	p.object(v, map[string]field{
		"architecture": func(v *value) { out.Arch = p.arch(v) },
		"subArchitectures": func(v *value) {
			p.items(v, func(v *value) { out.SubArches = append(out.SubArches, p.arch(v)) })
		},
	}, "architecture")
	return out
}

func (p *parser) flags(v *value) []specs.LinuxSeccompFlag {
	flags := []specs.LinuxSeccompFlag{}
	p.items(v, func(v *value) {
		name, ok := p.str(v)
		if !ok {
			return
		}
		flag := specs.LinuxSeccompFlag(name)
		if _, ok := ParseFlag(flag); !ok {
			p.diags.Errorf(v.span, "unknown-flag", "no flag named %q", name)
		}
		flags = append(flags, flag)
	})
	return flags
}

func (p *parser) syscall(v *value) Syscall {
	out := Syscall{Span: v.span}
	var errnoName, name, names *value
	action := v.span
	p.object(v, map[string]field{
		"names": func(v *value) {
			names = v
			p.items(v, func(v *value) { out.Names = append(out.Names, p.name(v)) })
		},
		"name": func(v *value) {
			if v.kind != kindString || v.text != "" { // an empty one is as good as absent, too
				name = v
				out.Names = append(out.Names, p.name(v))
			}
		},
		"action":   func(v *value) { action = v.span; out.Action = p.action(v) },
		"errnoRet": func(v *value) { out.ErrnoRet = p.errno(v) },
		"errno":    func(v *value) { errnoName = v },
		"args": func(v *value) {
			p.items(v, func(v *value) { out.Args = append(out.Args, p.arg(v, "index", "op", "value")) })
		},
		"comment":  func(v *value) { out.Comment, _ = p.str(v) },
		"includes": func(v *value) { out.Includes = p.guard(v) },
		"excludes": func(v *value) { out.Excludes = p.guard(v) },
	}, "action")
	switch {
	case v.kind != kindObject:
	case name != nil && names != nil:
		p.diags.Errorf(name.span, "conflicting-fields", "name beside names")
	case name == nil && len(out.Names) == 0 && (names == nil || names.kind == kindArray):
		p.diags.Errorf(v.span.File().Span(v.span.Start(), v.span.Start()+1), "missing-field", "an entry names at least one syscall")
	}
	out.ErrnoRet = p.errnoName(errnoName, out.ErrnoRet)
	p.checkAction(action, out.Action, out.ErrnoRet)
	return out
}

func (p *parser) name(v *value) Name {
	name, ok := p.str(v)
	if ok && name == "" {
		p.diags.Errorf(v.span, "unknown-syscall", "a syscall's name is empty")
	}
	return Name{name, v.span}
}

// arg reads a condition on an argument, which has some fields in any case.
func (p *parser) arg(v *value, required ...string) specs.LinuxSeccompArg {
	var out specs.LinuxSeccompArg
	p.object(v, map[string]field{
		"index": func(v *value) {
			n, _ := p.uint(v, 5)
			out.Index = uint(n)
		},
		"value":    func(v *value) { out.Value, _ = p.uint(v, 1<<64-1) },
		"valueTwo": func(v *value) { out.ValueTwo, _ = p.uint(v, 1<<64-1) },
		"op": func(v *value) {
			name, ok := p.str(v)
			out.Op = specs.LinuxSeccompOperator(name)
			if ok && !slices.Contains(operators, out.Op) {
				p.diags.Errorf(v.span, "unknown-operator", "no operator named %q", name)
			}
		},
	}, required...)
	return out
}

var operators = []specs.LinuxSeccompOperator{
	specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo,
	specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual,
}

func (p *parser) guard(v *value) *Guard {
	out := &Guard{Span: v.span}
	p.object(v, map[string]field{
		"caps": func(v *value) {
			out.Caps = p.strings(v)
			for i, c := range out.Caps {
				CheckCapability(c, v.items[i].span, &p.diags)
			}
		},
		"arches": func(v *value) {
			out.Arches = p.strings(v)
			for i, a := range out.Arches {
				if !knownArchGuard(a) {
					p.diags.Errorf(v.items[i].span, "unknown-arch", "no architecture named %q", a)
				}
			}
		},
		"minKernel": func(v *value) {
			text, ok := p.str(v)
			if !ok || text == "" {
				return
			}
			major, minor, ok := strings.Cut(text, ".")
			a, err := strconv.ParseUint(major, 10, 8)
			b, err2 := strconv.ParseUint(minor, 10, 8)
			if !ok || err != nil || err2 != nil || a == 0 && b == 0 {
				p.diags.Errorf(v.span, "bad-kernel", "%q is no kernel version such as \"4.8\"", text)
				return
			}
			out.MinKernel = &Kernel{int(a), int(b)}
		},
	})
	return out
}

func joinSorted[V any](m map[specs.LinuxSeccompAction]V) string {
	var names []string
	for _, n := range slices.Sorted(maps.Keys(m)) {
		names = append(names, string(n))
	}
	return strings.Join(names, " ")
}
