package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"secco/convert"
	"secco/oci"
)

var convertCommand = &cli.Command{
	Name:      "convert",
	Usage:     "convert a filter to the form that something else takes, exactly or not at all",
	ArgsUsage: "FILTER...",
	Description: "oci is the profile that container runtimes, Docker and, as a Localhost profile, Kubernetes take;\n" +
		"spo the security-profiles-operator's SeccompProfile; pod the securityContext of a pod that\n" +
		"uses the profile. What a form can't say is an error that names the rule.",
	Flags: flags([]cli.Flag{
		archFlag, outputFlag,
		&cli.StringFlag{Name: "to", Value: "oci", Usage: "`FORM` to convert to: " + strings.Join(formNames(), ", ")},
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the profile in forms spo and pod (default: by the filter's name)"},
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
	for _, f := range forms {
		if f.name == name {
			return f.write, nil
		}
	}
	return nil, badInput("unknown-form", "no form is called %q", name).hint("--to is one of %s", strings.Join(formNames(), ", "))
}

func toOCI(_ *session, f *filter) ([]byte, error) {
	profile, err := convert.ToOCI(f.policy, convert.Options{})
	if err != nil {
		return nil, err
	}
	return oci.Marshal(profile)
}
