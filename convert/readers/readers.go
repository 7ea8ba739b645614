// Package readers reads filters of every kind: secco's own policies, programs, and
// the policies and profiles of other projects. What a source is, is told from its
// name and content.
package readers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"secco/bpf"
	"secco/bpf/asm"
	"secco/convert"
	"secco/convert/elastic"
	"secco/convert/libseccomp"
	"secco/convert/minijail"
	"secco/convert/rkeene"
	"secco/convert/seccompiler"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

// MaxSize bounds what is to be read of one source, in bytes. The largest real
// policies and profiles are a hundredth of it.
const MaxSize = 16 << 20

// Options say what sources leave to their reader. What a kind has no use for is
// ignored there. The zero Options is ready for use.
type Options struct {
	// Kind settles what the sources are; empty leaves that to [KindOf].
	Kind Kind
	// Options are those of the language; the others use them as far as they have
	// the like. The first of Targets, or where there are none Machine, is what a
	// profile is resolved for and whose byte order a raw program has.
	lang.Options
	// Runtime is what a profile is handed to, for what that adds.
	Runtime oci.Runtime
	// Through makes the program that libseccomp builds the meaning of a profile.
	// It has to be built in.
	Through bool
	// Thread names a filter of a file of kind [Seccompiler] or [SPO] with several.
	Thread string
}

// Filter is a filter as it was read: either Policy or Program is set.
type Filter struct {
	Name    string // of its first source
	Kind    Kind
	Policy  *policy.Policy
	Tests   []lang.Test                       // that a policy states about itself
	Freq    map[linux.Arch]map[uint32]float64 // how often calls are made, where the sources say so
	Program bpf.Program
	// Profile is what an OCI or Docker profile or a SeccompProfile says, its guards not
	// evaluated.
	Profile *oci.Profile
	// Host is the machine and container that a profile's guards were evaluated for.
	Host oci.Host

	files     []*source.File
	commented map[*source.File][]commented // of JSON, once it is asked for
}

// Read reads one filter. Several sources have to be policies in secco's language,
// which are one unit, in their order. The filter is nil where the findings hold
// errors.
func Read(files []*source.File, opts Options) (*Filter, source.Diagnostics) {
	var diags source.Diagnostics
	if len(files) == 0 {
		diags.Errorf(source.Span{}, "no-source", "there is nothing to be read")
		return nil, diags
	}
	f := &Filter{Name: files[0].Name(), files: files}
	orMinijail := false
	for i, file := range files {
		k := opts.Kind
		if k == "" {
			k, orMinijail = kindOf(file)
		}
		if i > 0 && (k != Secco || f.Kind != Secco) {
			diags.Errorf(source.Span{}, "usage", "only policies can be several: %s is %s, %s is %s", files[0].Name(), f.Kind, file.Name(), k)
			return nil, diags
		}
		f.Kind = k
	}
	host, ok := opts.host(&diags)
	if !ok {
		return nil, diags
	}
	f.Host = host
	var findings source.Diagnostics
	switch file := files[0]; f.Kind {
	case Secco:
		f.Policy, f.Tests, findings = lang.LoadTests(files, opts.Options)
		if orMinijail && len(files) == 1 {
			hintMinijail(findings)
		}
	case BPF:
		f.Program, findings = decode(file, host.Native())
	case Asm:
		f.Program, findings = assemble(file)
	case OCI:
		f.Profile, findings = oci.Parse(file)
		findings = append(findings, f.take(f.Profile, host, opts.Through)...)
	case SPO:
		f.Profile, findings = seccompProfile(file, opts)
		findings = append(findings, f.take(f.Profile, host, opts.Through)...)
	case Rkeene: // names its architectures itself: those of the machine are not asked for
		f.Policy, findings = rkeene.Read(file, rkeene.Options{Arches: opts.Targets})
	case Elastic:
		f.Policy, findings = elastic.Read(file, elastic.Options{Arches: opts.arches()})
	case Seccompiler:
		f.Policy, findings = seccompiler.Read(file, seccompiler.Options{Arches: opts.arches(), Thread: opts.Thread})
	case Minijail:
		f.Policy, f.Freq, findings = readMinijail(file, opts)
	default:
		diags.Errorf(source.Span{}, "unknown-kind", "no kind of filter is called %q", f.Kind)
	}
	if diags = append(diags, findings...); diags.HasErrors() {
		return nil, diags
	}
	return f, diags
}

// arches returns what a filter is for that names no architectures itself.
func (o *Options) arches() []linux.Arch {
	if len(o.Targets) == 0 && o.Machine != 0 {
		return []linux.Arch{o.Machine}
	}
	return o.Targets
}

// release matches a kernel's release, as people and uname write it.
var release = regexp.MustCompile(`^(\d{1,3})\.(\d{1,3})(\.\d+)*([-+].*)?$`)

// host returns the machine and container that profiles are read for. It leaves
// the kernel's version in the form that the language takes.
func (o *Options) host(diags *source.Diagnostics) (host oci.Host, ok bool) {
	for _, a := range o.Targets {
		if !a.Valid() {
			diags.Errorf(source.Span{}, "unknown-arch", "a target is no architecture")
			return host, false
		}
	}
	for _, c := range o.Capabilities {
		oci.CheckCapability(c, source.Span{}, diags)
	}
	if diags.HasErrors() {
		return host, false
	}
	host.Caps, host.Runtime = o.Capabilities, o.Runtime
	if list := o.arches(); len(list) > 0 {
		host.Arch = list[0]
	}
	if o.Kernel == "" {
		return host, true
	}
	m := release.FindStringSubmatch(o.Kernel)
	if m == nil {
		diags.Errorf(source.Span{}, "bad-version", "%q is no version of the kernel", o.Kernel).Hint = "give two or three numbers, such as 5.15"
		return host, false
	}
	o.Kernel = m[1] + "." + m[2]
	_, _ = fmt.Sscanf(o.Kernel, "%d.%d", &host.Kernel.Major, &host.Kernel.Minor) // they are numbers
	if host.Kernel == (oci.Kernel{}) {
		diags.Errorf(source.Span{}, "bad-version", "there is no kernel %s", o.Kernel)
		return host, false
	}
	return host, true
}

// decode reads a raw program, in the byte order of a machine.
func decode(file *source.File, machine linux.Arch) (program bpf.Program, diags source.Diagnostics) {
	var order, other binary.ByteOrder = binary.LittleEndian, binary.BigEndian
	if machine.BigEndian() {
		order, other = other, order
	}
	program, err := decodeIn(file, order)
	if err != nil {
		d := diags.Errorf(source.Span{}, "invalid-program", "%s: %s", file.Name(), err)
		if _, err := decodeIn(file, other); err == nil {
			d.Hint = "it is one for machines of the other byte order: name an architecture that it is for"
		}
	}
	return program, diags
}

func decodeIn(file *source.File, order binary.ByteOrder) (bpf.Program, error) {
	program, err := bpf.Decode([]byte(file.Text()), order)
	if err != nil {
		return nil, err
	}
	return program, bpf.Validate(program)
}

// assemble reads a program's text.
func assemble(file *source.File) (program bpf.Program, diags source.Diagnostics) {
	program, err := asm.Parse(file)
	if err != nil && !errors.As(err, &diags) {
		diags.Errorf(source.Span{}, "invalid-program", "%s: %s", file.Name(), err)
	}
	return program, diags
}

// take makes the meaning of a profile, which is nil where it could not be read, the
// filter's. What runtimes make of it depends on the machine and the container.
func (f *Filter) take(profile *oci.Profile, host oci.Host, through bool) (diags source.Diagnostics) {
	if profile == nil {
		return nil
	}
	if !through {
		f.Policy, diags = convert.FromOCI(profile, convert.Options{Host: host})
		return diags
	}
	resolved, diags := profile.Resolve(host)
	if diags.HasErrors() {
		return diags
	}
	var err error
	if f.Program, err = built(resolved, host); err != nil {
		diags.Errorf(source.Span{}, "libseccomp", "%s: %s", f.Name, err)
	}
	return diags
}

// buildTime bounds how long libseccomp may take for one profile.
const buildTime = time.Minute

// built returns the program that libseccomp builds of a profile, as the runtime
// would load it.
func built(profile *oci.Profile, host oci.Host) (bpf.Program, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTime)
	defer cancel()
	program, err := libseccomp.BuildContext(ctx, profile.Spec(), libseccomp.Options{Native: host.Native(), Runtime: host.Runtime})
	if err != nil {
		return nil, err
	}
	if err := bpf.Validate(program); err != nil {
		return nil, fmt.Errorf("the kernel would not take what libseccomp makes of it: %w", err)
	}
	return program, nil
}

// seccompProfile reads a SeccompProfile, and those that it builds on from beside
// it.
func seccompProfile(file *source.File, opts Options) (*oci.Profile, source.Diagnostics) {
	spo := oci.SPOOptions{Name: opts.Thread}
	if opts.Find != nil {
		spo.Find = func(from *source.File, name string) (*source.File, error) { return opts.Find(from, name, false) }
	}
	return oci.ParseSPO(file, spo)
}

// hintMinijail tells of the defaults that a policy would have to minijail, where
// nothing else is wrong with it.
func hintMinijail(findings source.Diagnostics) {
	isOther := func(d source.Diagnostic) bool { return d.Severity == source.Error && d.Code != "missing-default" }
	isIt := func(d source.Diagnostic) bool { return d.Code == "missing-default" && d.Hint == "" }
	if i := slices.IndexFunc(findings, isIt); i >= 0 && !slices.ContainsFunc(findings, isOther) {
		findings[i].Hint = "or is this a policy of minijail's? --from minijail reads it as one"
	}
}

// readMinijail reads a policy of minijail's with what it includes. Absolute paths
// are looked for in the same places as others, below the directories.
func readMinijail(file *source.File, opts Options) (p *policy.Policy, often minijail.Frequencies, diags source.Diagnostics) {
	mini := minijail.Options{Arches: opts.arches()}
	if find := opts.Find; find != nil {
		mini.Find = func(from *source.File, name string) (*source.File, error) {
			rest, isAbsolute := strings.CutPrefix(name, "/")
			if !isAbsolute {
				return find(from, name, false)
			}
			f, err := find(from, strings.TrimLeft(rest, "/"), false)
			if err == nil {
				return f, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			at := path.Dir(name)
			missing := &notFound{fmt.Errorf("no file %q below the directories for includes", name), "those (-I) may be /, and " + at + "=DIR has DIR stand for " + at}
			if beside, err := find(from, "./"+path.Base(name), false); err == nil {
				missing.hint = "there is " + beside.Name() + ": -I " + at + "=" + path.Dir(beside.Name()) + " has that directory stand for the other"
			}
			return nil, missing
		}
	}
	mini.Default = action("default-policy", opts.Defaults.Policy, &diags)
	mini.Negative = action("default-negative", opts.Defaults.Negative, &diags)
	if diags.HasErrors() {
		return nil, nil, diags
	}
	return minijail.Read(file, mini)
}

// notFound is the error of an include, and what may help.
type notFound struct {
	error
	hint string
}

func (e *notFound) Hint() string { return e.hint }

// action returns an action that the caller states in secco's language, nil where
// none is stated.
func action(name, text string, diags *source.Diagnostics) *linux.Action {
	if text == "" {
		return nil
	}
	p, findings := lang.Load([]*source.File{source.NewFile("<"+name+">", "")}, lang.Options{Defaults: lang.Defaults{Policy: text}})
	*diags = append(*diags, findings...)
	if p == nil {
		return nil
	}
	return &p.Targets[0].Default.Action
}
