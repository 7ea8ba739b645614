// Command secco-wrap starts a command under a filter and becomes it. It is made
// to be a container's entrypoint: static, without needs, and it keeps its process
// id.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"secco/bpf/asm"
	"secco/hook"
	"secco/hook/policies"
	"secco/linux"
	"secco/source"
)

// What the command becomes shall be what this process's main thread is: it holds
// the parent-death signal.
func init() { runtime.LockOSThread() }

func main() { os.Exit(wrap(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }

const (
	exitFailed = 125 // secco-wrap itself failed, as env(1) says it

	policyVariable = "SECCO_POLICY"
	policyDir      = "/etc/secco"
	defaultName    = "default"
)

const usage = `usage: secco-wrap [--policy FILE|NAME] [--gate] [--no-new-privs] [--print] [--] CMD [ARG...]

Puts a filter on itself and becomes CMD, with the same process id.

  --policy FILE|NAME  the policy (.secco), program (.bpf) or OCI profile (.json). A
                      NAME, without a slash and an ending, is one of /etc/secco or one
                      that secco ships; a program beside a text is preferred where
                      NAME.sha256 says that it is the text's (secco compile --sums).
                      Without the flag: $SECCO_POLICY, else "default".
                      Its guards are about the running kernel and the capabilities
                      of the bounding set.
  --gate              let CMD start although the policy refuses execve; every later
                      execve fails. Needs Linux 5.5.
  --no-new-privs      set no_new_privs in any case. It always is without CAP_SYS_ADMIN.
  --print             print the program that would be installed, and end.

Exit codes: 125 secco-wrap failed, 126 CMD can't be executed, 127 CMD was not
found; else CMD's.
`

// wrap does the work and returns the exit code where CMD was not started.
func wrap(args, env []string, stdout, stderr io.Writer) int {
	opts, argv, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err == nil && len(argv) == 0 && !opts.print {
		err = errors.New("a command is missing; see secco-wrap --help")
	}
	if err == nil {
		err = start(opts, argv, env, stdout, stderr)
	}
	if err == nil {
		return 0 // printed
	}
	code := exitFailed
	var failed *hook.ExecError
	if errors.As(err, &failed) {
		code = failed.Code()
	}
	var findings source.Diagnostics
	if errors.As(err, &findings) {
		printFindings(stderr, findings)
		err = errors.New("the policy has errors")
	}
	fmt.Fprintf(stderr, "secco-wrap: %v\n", err)
	return code
}

type options struct {
	policy           string
	gate, nnp, print bool
}

func parse(args []string) (o options, argv []string, err error) {
	flags := flag.NewFlagSet("secco-wrap", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringVar(&o.policy, "policy", "", "")
	flags.BoolVar(&o.gate, "gate", false, "")
	flags.BoolVar(&o.nnp, "no-new-privs", false, "")
	flags.BoolVar(&o.print, "print", false, "")
	err = flags.Parse(args)
	return o, flags.Args(), err
}

// start installs the filter and becomes the command; it returns nil only where
// the program was to be printed.
func start(o options, argv, env []string, stdout, stderr io.Writer) error {
	f, err := find(o.policy)
	if err != nil {
		return err
	}
	printFindings(stderr, f.Warnings)
	if o.nnp {
		f.Options.NoNewPrivs = &o.nnp
	}
	installed := f.Program
	if o.gate {
		installed, err = hook.Gate(f.Program)
	} else {
		err = hook.CheckExec(f.Program)
	}
	if errors.Is(err, hook.ErrRefusesExecve) {
		err = fmt.Errorf("%w: CMD could not start; --gate lets it, once", err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if o.print {
		native, _ := linux.ParseArch(runtime.GOARCH)
		_, err := io.WriteString(stdout, asm.Print(installed, asm.Options{Arch: native}))
		return err
	}
	path, err := hook.Look(argv[0])
	if err != nil {
		return err
	}
	if o.gate {
		return hook.ExecGated(f.Program, f.Options, path, argv, env)
	}
	return hook.Exec(f.Program, f.Options, path, argv, env)
}

// find returns the filter that the flag, the environment or the default name.
func find(name string) (*policies.Filter, error) {
	store := policies.Store{Dir: policyDir, Shipped: true, Capabilities: hook.BoundingSet}
	origin := "--policy"
	if name == "" {
		name, origin = os.Getenv(policyVariable), "$"+policyVariable
	}
	if name == "" {
		name, origin = defaultName, "no --policy and no $"+policyVariable
	}
	load := store.LoadFile
	if policies.IsName(name) {
		load = store.Load
	}
	f, err := load(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin, err)
	}
	return f, nil
}

func printFindings(w io.Writer, findings source.Diagnostics) {
	for _, d := range findings {
		fmt.Fprintln(w, strings.TrimRight(d.String(), "\n"))
	}
}
