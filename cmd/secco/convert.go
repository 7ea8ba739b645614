package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/convert"
	"secco/convert/libseccomp"
	"secco/hook/container"
	"secco/oci"
	"secco/policy"
	"secco/source"
)

var convertCommand = &cli.Command{
	Name:      "convert",
	Usage:     "convert a filter to the form that something else takes, exactly or not at all",
	ArgsUsage: "FILTER...",
	Description: "oci is the profile that container runtimes, Docker and, as a Localhost profile, Kubernetes take;\n" +
		"spo the security-profiles-operator's SeccompProfile; pod the securityContext of a pod that\n" +
		"uses the profile; secco a policy. Each is read back and proved to do the same first, profiles\n" +
		"also as libseccomp makes programs of them, and with what --runtime adds to those. What a form\n" +
		"can't say is an error that names the rule.",
	Flags: flags([]cli.Flag{
		archFlag, outputFlag,
		&cli.StringFlag{Name: "to", Usage: "`FORM` to convert to: " + strings.Join(formNames(), ", ") + " (default: secco for an --output that ends in .secco, else oci)"},
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the profile in forms spo and pod (default: by the filter's name)"},
		&cli.StringFlag{Name: "localhost-profile", Usage: "`PATH` below the kubelet's seccomp directory that form pod names (default: where the operator installs spo)"},
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		to, err := s.form()
		if err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		data, err := to(s, f)
		if err != nil {
			return err
		}
		return s.write(data)
	}),
}

// form is what a filter is converted to.
type form struct {
	name  string
	write func(*session, *filter) ([]byte, error)
}

var forms = []form{
	{"oci", toOCI},
	{"spo", toSPO},
	{"pod", toPod},
	{"secco", toSecco},
}

func formNames() []string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.name
	}
	return names
}

// form returns the form that --to names.
func (s *session) form() (func(*session, *filter) ([]byte, error), error) {
	name := s.String("to")
	if name == "" {
		name = "oci"
		if s.ending() == ".secco" {
			name = "secco"
		} else if f := s.promised("an OCI profile", ".json"); f != nil {
			return nil, f.hint("--to is one of %s; secco compile writes programs", strings.Join(formNames(), ", "))
		}
	}
	for _, f := range forms {
		if f.name == name {
			return f.write, nil
		}
	}
	return nil, badInput("unknown-form", "no form is called %q", name).hint("--to is one of %s", strings.Join(formNames(), ", "))
}

func toOCI(s *session, f *filter) ([]byte, error) {
	p, opts, err := s.exported(f)
	if err != nil {
		return nil, err
	}
	if err := s.warnStartup(f, p, opts.Host); err != nil {
		return nil, err
	}
	profile, err := convert.ToOCI(p, opts)
	if err != nil {
		return nil, err
	}
	if err := s.warnTooNew(p); err != nil {
		return nil, err
	}
	return oci.Marshal(profile)
}

// warnTooNew tells which calls the libseccomp that is built in is too old to
// know.
func (s *session) warnTooNew(p *policy.Policy) error {
	if !libseccomp.Available {
		return nil
	}
	version, err := libseccomp.Version()
	if err != nil {
		return refused("libseccomp", "%s", err)
	}
	var d source.Diagnostics
	_, unknown, err := libseccomp.Known(p)
	if noArch := (*libseccomp.ArchError)(nil); errors.As(err, &noArch) {
		d.Warnf(p.Targets[0].Default.Span, "unknown-arch", "libseccomp %s was not asked: %s", version, noArch)
		s.warn(d)
		return nil
	} else if err != nil {
		return refused("libseccomp", "%s", err)
	}
	if len(unknown) > 0 {
		d.Warnf(unknown[0].Span, "unknown-syscall", "libseccomp %s does not know %s: a runtime with it leaves them at the default action", version, names(unknown))
		s.warn(d)
	}
	return nil
}

func toSPO(s *session, f *filter) ([]byte, error) {
	p, opts, err := s.exported(f)
	if err != nil {
		return nil, err
	}
	data, err := named(convert.ToSPO(p, s.objectName(f), opts))
	if err != nil {
		return nil, err
	}
	return data, errors.Join(s.warnTooNew(p), s.warnStartup(f, p, opts.Host))
}

// toPod writes what goes with the profile that the operator installs under the
// name; the filter must be one that it can install.
func toPod(s *session, f *filter) ([]byte, error) {
	if path := s.String("localhost-profile"); path != "" {
		if _, err := toOCI(s, f); err != nil {
			return nil, err
		}
		return named(convert.ToPod(path))
	}
	if _, err := toSPO(s, f); err != nil {
		return nil, err
	}
	return named(convert.ToPod(convert.SPOPath(s.objectName(f))))
}

// named gives the failure of a conversion its code, where all that can be wrong
// but the filter is what its result is to be called.
func named(data []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, asFailure(err, exitBad, "bad-name")
	}
	return data, nil
}

// exported returns what a filter is converted from, and for which machine.
func (s *session) exported(f *filter) (*policy.Policy, convert.Options, error) {
	host, err := s.host()
	if err != nil {
		return nil, convert.Options{}, err
	}
	p, err := s.meaning(f)
	return p, convert.Options{Host: host}, err
}

// warnStartup tells what the runtime of --runtime itself needs before the payload
// runs, where the filter as its profile refuses that.
func (s *session) warnStartup(f *filter, p *policy.Policy, host oci.Host) error {
	name := host.Runtime.String()
	if container.StartupNeeds(name, true) == nil {
		return nil
	}
	out, err := s.compile(f)
	if err != nil {
		return err
	}
	native := host.Arch
	if !native.Valid() {
		native = p.Targets[0].Arch
	}
	s.warn(container.LintStartup(out.Program, native, name, true))
	if nnp := p.Settings.NoNewPrivs; nnp == nil || !*nnp {
		s.warn(container.LintStartup(out.Program, native, name, false))
	}
	return nil
}

// objectName returns --name, or the name of a Kubernetes object made of the
// filter's.
func (s *session) objectName(f *filter) string {
	if name := s.String("name"); name != "" {
		return name
	}
	base := filepath.Base(f.name)
	base = strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base)))
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, base), "-")
	return cmp.Or(name, "secco")
}
