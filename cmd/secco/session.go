package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/convert/libseccomp"
	"secco/convert/readers"
	"secco/lang"
	"secco/linux"
	"secco/oci"
	"secco/profiles"
	"secco/source"
)

// session is one run of one command: its flags, and what it has read so far.
type session struct {
	*cli.Context
	findingsTo io.Writer // where diagnostics go
	json       bool
	inlined    int // arguments that were a policy's text
	stdinRead  bool
	told       map[string]bool // findings that were told
	// asBuilt says that a profile is read without what --runtime adds, which the
	// command tells apart.
	asBuilt bool
	kernel  string     // the version for guards where no flag states one
	native  linux.Arch // that a policy is for which names none; zero is x86_64
	lint    bool       // what has no effect is told of, too
	several bool       // the command's filters go with each other
}

// action makes a command's action of a function that works in a session. What it
// fails with is told the way --json asks for.
func action(run func(*session) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		s := &session{Context: c, findingsTo: c.App.ErrWriter, json: c.Bool("json")}
		err := run(s)
		if err == nil {
			return nil
		}
		f := asFailure(err, exitBad, "error")
		f.report(s.findingsTo, s.json)
		return &failure{code: f.code}
	}
}

// warn tells findings that stop nothing, each once, but for those about what secco
// ships: nobody who uses that can mend it.
func (s *session) warn(findings source.Diagnostics) {
	if s.told == nil {
		s.told = map[string]bool{}
	}
	var fresh source.Diagnostics
	for _, d := range findings {
		if text := d.Error(); !s.told[text] && !shipped(d.Span.File()) {
			s.told[text] = true
			fresh = append(fresh, d)
		}
	}
	printFindings(s.findingsTo, fresh, s.json)
}

// shipped reports whether a text is one that secco ships.
func shipped(f *source.File) bool {
	if f == nil {
		return false
	}
	text, ok := profiles.Lookup(f.Name())
	return ok && f.Text() == string(text)
}

// want checks how many arguments there are; a negative most is no limit.
func (s *session) want(least, most int) error {
	switch {
	case s.NArg() < least:
		return badInput("usage", "too few arguments").hint("usage: secco %s %s", s.Command.Name, s.Command.ArgsUsage)
	case most >= 0 && s.NArg() > most:
		return badInput("usage", "too many arguments").hint("usage: secco %s %s", s.Command.Name, s.Command.ArgsUsage)
	}
	return nil
}

// Flags that several commands share. inputFlags are those of every command that
// reads a FILTER.
var (
	jsonFlag = &cli.BoolFlag{Name: "json", DisableDefaultText: true, Usage: "diagnostics as JSON, one object a line; so is what a command answers, but not a policy, program or profile that it writes"}
	archFlag = &cli.StringFlag{
		Name: "arch", Category: readingFlags, Aliases: []string{"a"}, Usage: "`ARCHES` that a policy is for, with commas between them (default: those that it names itself, else x86_64)",
	}
	freqFlag     = &cli.StringFlag{Name: "freq", Usage: "make calls cheap that are frequent by `FILE`: minijail's frequencies, strace -c, perf trace -s", TakesFile: true}
	optimizeFlag = &cli.StringFlag{Name: "optimize", Aliases: []string{"O"}, Value: "speed", Usage: "`GOAL` of the compiler: speed or size"}
	// targetsFlag stands in for archFlag where --arch is about calls.
	targetsFlag = &cli.StringFlag{Name: "targets", Category: readingFlags, Usage: "`ARCHES` that a policy is for, with commas between them (default: those that it names itself, else x86_64)"}

	versionFlag = &cli.StringFlag{
		Name: "kernel-version", Category: readingFlags, Aliases: []string{"kernel"}, Usage: "`VERSION` of the kernel, such as 5.15, for guards (default: none; for a Docker profile a new one)",
	}

	// Where a command takes several filters these may have a value for each, in flags
	// of their own or with commas between them.
	fromFlag   = &cli.StringSliceFlag{Name: "from", Category: readingFlags, Usage: "what FILTER is, instead of telling it from its content: `KIND` is " + kindNames()}
	threadFlag = &cli.StringSliceFlag{Name: "thread", Category: readingFlags, Usage: "`NAME` of the filter in a file of kind seccompiler or spo that has several"}

	inputFlags = []cli.Flag{
		fromFlag,
		&cli.StringSliceFlag{Name: "define", Category: readingFlags, Usage: "read macros and names from `FILE` first (repeatable)", TakesFile: true},
		&cli.StringSliceFlag{Name: "define-text", Category: readingFlags, Usage: "read macros and names from `TEXT` first (repeatable)"},
		&cli.StringSliceFlag{Name: "include", Category: readingFlags, Aliases: []string{"I"}, Usage: "look for included policies in `DIR` too, after the policy's own directory; /PATH=DIR has DIR stand for PATH (repeatable)", TakesFile: true},
		&cli.StringFlag{Name: "caps", Category: readingFlags, Usage: "`CAPABILITIES` of the container, with commas between them, for guards (default: none; for a Docker profile Docker's)"},
		versionFlag,
		&cli.StringFlag{Name: "runtime", Category: readingFlags, Usage: "`RUNTIME` that loads an OCI profile, for what it adds and needs: none, crun, runc, or one with its version, such as runc:1.1.5", Value: "none"},
		&cli.StringFlag{Name: "through", Category: readingFlags, Usage: "`libseccomp` is to build the program of an OCI profile, instead of its rules being taken by their meaning"},
		threadFlag,
		&cli.StringFlag{Name: "default-positive", Category: readingFlags, Usage: "`ACTION` of a rule that holds, where the policy sets none"},
		&cli.StringFlag{Name: "default-negative", Category: readingFlags, Usage: "`ACTION` of a rule that does not hold, where the policy sets none"},
		&cli.StringFlag{Name: "default-policy", Category: readingFlags, Usage: "`ACTION` of a call without a rule, where the policy sets none"},
		&cli.StringFlag{Name: "default-badarch", Category: readingFlags, Usage: "`ACTION` of a call of another architecture, where the policy sets none (default: kill_thread)"},
		&cli.StringFlag{Name: "default-x32", Category: readingFlags, Usage: "`ACTION` of an x32 call where x32 is no target and the policy sets none (default: as --default-badarch)"},
		jsonFlag,
	}
)

// flags joins lists of flags.
func flags(lists ...[]cli.Flag) []cli.Flag {
	var all []cli.Flag
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// arches returns what a flag with a list of architectures says; nil where it is
// not given.
func (s *session) arches(flag string) ([]linux.Arch, error) {
	if !s.IsSet(flag) {
		return nil, nil
	}
	var list []linux.Arch
	for name := range strings.SplitSeq(s.String(flag), ",") {
		a, err := parseArch(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// targets returns the architectures that a filter is to be read for.
func (s *session) targets() ([]linux.Arch, error) {
	if slices.Contains(s.Command.Flags, cli.Flag(targetsFlag)) {
		return s.arches(targetsFlag.Name)
	}
	return s.arches(archFlag.Name)
}

func parseArch(name string) (linux.Arch, error) {
	if a, ok := linux.ParseArch(name); ok {
		return a, nil
	}
	var known []string
	for _, a := range linux.Arches() {
		known = append(known, a.String())
	}
	return 0, badInput("unknown-arch", "no architecture %q", name).hint("known are %s", strings.Join(known, ", "))
}

// kindLive is a process's filter, which is not for --from.
const kindLive readers.Kind = "live"

// kindNames returns what --from may be.
func kindNames() string {
	var names []string
	for _, k := range readers.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// readerOptions returns what the flags say to the reader of a filter.
func (s *session) readerOptions(kind, thread string) (readers.Options, error) {
	opts := readers.Options{Kind: readers.Kind(kind), Thread: thread}
	if opts.Kind != "" && !slices.Contains(readers.Kinds(), opts.Kind) {
		return opts, badInput("unknown-kind", "no kind of filter is called %q", opts.Kind).hint("--from is one of %s", kindNames())
	}
	var err error
	if opts.Targets, err = s.targets(); err != nil {
		return opts, err
	}
	if opts.Runtime, err = s.runtime(); err != nil {
		return opts, err
	}
	if s.asBuilt {
		opts.Runtime = oci.Runtime{}
	}
	switch through := s.String("through"); {
	case through == "libseccomp" && !libseccomp.Available:
		return opts, refused("no-libseccomp", "--through: %s", libseccomp.ErrNotBuilt)
	case through == "libseccomp":
		opts.Through = true
	case through != "":
		return opts, badInput("usage", "nothing goes through %q", through).hint("--through libseccomp is what there is")
	}
	opts.Defaults = lang.Defaults{
		Positive: s.String("default-positive"),
		Negative: s.String("default-negative"),
		Policy:   s.String("default-policy"),
		BadArch:  s.String("default-badarch"),
		X32:      s.String("default-x32"),
	}
	opts.Lint = s.lint
	opts.Machine = s.native
	opts.Capabilities, opts.Kernel = s.capabilities(), cmp.Or(s.String(versionFlag.Name), s.kernel)
	for _, name := range s.StringSlice("define") {
		in, err := s.read(name)
		if err != nil {
			return opts, err
		}
		opts.Definitions = append(opts.Definitions, in.file())
	}
	for i, text := range s.StringSlice("define-text") {
		opts.Definitions = append(opts.Definitions, source.NewFile(fmt.Sprintf("<define-text %d>", i+1), text))
	}
	return opts, nil
}

// capabilities returns what --caps lists; nil where it is not given.
func (s *session) capabilities() []string {
	if !s.IsSet("caps") {
		return nil
	}
	caps := []string{}
	for name := range strings.SplitSeq(s.String("caps"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			caps = append(caps, strings.ToUpper(name))
		}
	}
	return caps
}

// runtime returns what --runtime says.
func (s *session) runtime() (oci.Runtime, error) {
	r, err := oci.ParseRuntime(cmp.Or(s.String("runtime"), "none"))
	if err != nil {
		return r, badInput("usage", "--runtime: %s", err)
	}
	return r, nil
}

// host returns the machine that profiles are written for.
func (s *session) host() (oci.Host, error) {
	host := oci.Host{Caps: s.capabilities(), Arch: s.native}
	arches, err := s.targets()
	if len(arches) > 0 {
		host.Arch = arches[0]
	}
	if err != nil {
		return host, err
	}
	host.Runtime, err = s.runtime()
	return host, err
}
